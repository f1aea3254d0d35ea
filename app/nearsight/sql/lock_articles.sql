-- lock_articles: let one transaction at a time decide which stories are new.
select pg_advisory_xact_lock(hashtextextended('nearsight_articles', 0))
