-- Purpose: see that the namespaces of machines that start are there, and keep them until the
-- commit: a namespace is deleted either before the batch, which is refused then, or after it, with
-- its machines in sight.
-- Parameters: $1 int[] number, all different.
-- Locks: the namespaces (FOR KEY SHARE); one that is being deleted counts as gone.
-- Errors: PGF04. Plan: per namespace an index scan of namespace_pkey.
SELECT hold_namespaces($1::int[]);
