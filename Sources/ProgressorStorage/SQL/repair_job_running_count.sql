-- Purpose: how many repair jobs run.
-- Plan: repair_job_running.
SELECT count(*) FROM repair_job WHERE state = 1;
