"""What can go wrong with a job.

JobError
|- JobNotFound          no such job
|- ClaimLost            the claim is no longer held; nothing was written
|- WrongState           the job's state does not allow the verb
|- DedupeKeyHeld        another job is active under the job's dedupe key
`- IdempotencyKeyReused the key was used with another body
"""

from __future__ import annotations

from uuid import UUID


class JobError(Exception):
    """Base of all errors about jobs."""


class JobNotFound(JobError):
    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"there is no job {job_id}")
        self.job_id = job_id


class ClaimLost(JobError):
    """The job was taken back meanwhile: whoever held this claim may drop its work."""

    def __init__(self, job_id: UUID, claim_seq: int) -> None:
        super().__init__(f"claim {claim_seq} of job {job_id} is no longer held")
        self.job_id = job_id
        self.claim_seq = claim_seq


class WrongState(JobError):
    def __init__(self, job_id: UUID, verb: str, status: str) -> None:
        super().__init__(f"job {job_id} is {status}: {verb} does not apply")
        self.job_id = job_id
        self.verb = verb
        self.status = status


class DedupeKeyHeld(JobError):
    def __init__(self, job_id: UUID, holder_id: UUID) -> None:
        super().__init__(f"job {holder_id} is active under the dedupe key of job {job_id}")
        self.job_id = job_id
        self.holder_id = holder_id


class IdempotencyKeyReused(JobError):
    def __init__(self, key: str) -> None:
        super().__init__("this idempotency key was used with another body")
        self.key = key
