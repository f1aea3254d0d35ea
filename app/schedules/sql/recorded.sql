-- Which of these occurrences were fired before.
select occurrence_at
  from ops_schedule_fires
 where schedule_id = :id
   and occurrence_at = any(:occurrences::timestamptz[])
