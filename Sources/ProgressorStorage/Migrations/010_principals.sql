-- Who asked, and since when. Nodes of the version before write none of it: what they change says by
-- its time that what stands here is about something else.

ALTER TABLE machine
  -- When it was repaired last; NULL = never, or before this.
  ADD COLUMN repaired_at timestamptz,
  -- Of the step that failed it: its token, and who asked for it. About the failure of this time,
  -- and no other.
  ADD COLUMN failure_token text,
  ADD COLUMN failure_principal text,
  ADD COLUMN failure_noted_at timestamptz,
  -- Who paused it; about the pause of this time, and no other.
  ADD COLUMN pause_principal text,
  ADD COLUMN pause_noted_at timestamptz;

ALTER TABLE namespace
  ADD COLUMN pause_principal text,
  ADD COLUMN pause_noted_at timestamptz;

-- Who asked for the job, as the server knows it; `requested_by` may be what a client said.
ALTER TABLE repair_job ADD COLUMN principal text;

INSERT INTO schema_migration (number, name) VALUES (10, 'principals');
