-- Marks how far the next count may go, once the one before is done. The ids up to the newest were
-- given out to transactions that had begun to write, for an event follows the change of its job. Ours
-- begins to write here, after the newest id was read: all of those have a smaller number. (The end of
-- a snapshot would not do, it lies behind the last transaction that is over.)
insert into ops_stats_mark (marked_id, marked_xid, marked_at)
select :newest_id, pg_current_xact_id()::text::bigint, :read_at
 where pg_current_xact_id_if_assigned() is null
   and not exists (
         select from ops_stats_mark where counted_id < marked_id or counted_at < marked_at
       )
    on conflict (only_row) do update
   set marked_id = excluded.marked_id,
       marked_xid = excluded.marked_xid,
       marked_at = excluded.marked_at
 where ops_stats_mark.counted_id = ops_stats_mark.marked_id
   and ops_stats_mark.counted_at = ops_stats_mark.marked_at
   and ops_stats_mark.counted_id <= excluded.marked_id
