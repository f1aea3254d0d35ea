-- A runner instance is one start of a runner.
insert into ops_runners (id, name, host, pid, version, allowlist, slots)
values (:id, :name, :host, :pid, :version, :allowlist::text[], :slots)
    on conflict (id) do update
   set seen_at = clock_timestamp(),
       stopped_at = null
