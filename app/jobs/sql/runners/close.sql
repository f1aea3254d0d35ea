-- The last claim of each of these batches is closed.
delete from ops_claims
 where id = any(:batches::bigint[])
