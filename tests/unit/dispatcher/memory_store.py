"""One lane in memory: what the store's statements do, by the pure rules alone."""

from datetime import datetime, timedelta
from uuid import UUID

from msgspec.structs import replace
from unit.dispatcher.building import NOW, columns, kept, lane, policy, state
from unit.dispatcher.machine import Seen

from sendto.sdk import Capabilities
from sendto_dispatcher.domain.desire import Due, LaneKnown, desire
from sendto_dispatcher.domain.endings import CONFIRM, Finished
from sendto_dispatcher.domain.lane import Claim, Kept, State, Version
from sendto_dispatcher.domain.plan import Send, plan
from sendto_dispatcher.domain.settle import Columns, next_generation, settle


class MemoryStore:
    """A lane's columns, the order's state, the lease."""

    def __init__(self) -> None:
        self._lane: Columns | None = None
        self._token: UUID | None = None
        self._tokens = 0

    def use(self, capabilities: Capabilities) -> None:
        """Begin with a new lane of such a provider."""
        self.__init__()  # type: ignore[misc]  # a lane of its own for each run
        self._policy = policy(capabilities, give_up_after_s=1e9)
        self._now = NOW
        self._state: State | None = None
        self._version = Version(carried=True, number=0)
        self._kept: Kept | None = None

    def take(self, version: int, name: str, *, present: bool, routed: bool) -> None:
        """Take newer state of the order."""
        self._state = state(version, first_name=name) if present else None
        self._version = Version(carried=True, number=version)
        wanted = present and routed
        if self._lane is None:
            if wanted:
                first = next_generation(0, self._tick())
                self._lane = columns(desired_generation=first, in_doubt=False, lease_generation=0, due_at=self._now)
            return
        row = self._lane
        change = desire(
            LaneKnown(
                id=1,
                provider="acme",
                desired_present=row.desired_present,
                applied_present=row.applied_present,
                in_doubt=row.in_doubt,
                leased=self._token is not None,
                waiting=row.due_at is not None and row.applied_generation != row.desired_generation,
                resting=row.resting,
            ),
            present=wanted,
        )
        if change is None:
            return
        generation = next_generation(row.desired_generation, self._tick())
        converged = change.due is Due.CONVERGED
        due_at = {Due.NOW: self._now, Due.KEEP: row.due_at, Due.CONVERGED: None}[change.due]
        row = replace(row, desired_generation=generation, desired_present=change.present, due_at=due_at)
        row = replace(row, failing_since=None, applied_generation=generation if converged else row.applied_generation)
        self._lane = replace(row, resting=None, attempts=0) if change.revive else row

    def claim(self) -> Claim | None:
        """Claim the lane, if it is due."""
        row = self._lane
        if row is None or row.due_at is None or row.due_at > self._now:
            return None
        self._tokens += 1
        self._token = UUID(int=self._tokens)
        found = row.in_doubt
        self._lane = replace(
            row,
            in_doubt=True,
            lease_doubt=found,
            lease_generation=row.desired_generation,
            due_at=self._now + timedelta(seconds=60),
        )
        claim = Claim(
            lane=lane(
                generation=row.desired_generation,
                version=self._version,
                desired_present=row.desired_present,
                applied_generation=row.applied_generation,
                applied_present=row.applied_present,
                unconfirmed=row.unconfirmed,
                remote=row.remote,
                digest=row.digest,
                in_doubt=found,
                kept=self._kept if row.kept else None,
                attempts=row.attempts,
                lease_token=self._token,
            ),
            state=self._state,
        )
        self._keep(claim)
        return claim

    def settle(self, claim: Claim, finished: Finished) -> None:
        """Settle an attempt, fenced."""
        del claim
        row = self._lane
        assert row is not None
        if self._token == finished.lease_token:
            self._lane = settle(row, finished, self._policy, self._tick(), jitter=1.0)
            self._token = None
        elif finished.sent and finished.operation != CONFIRM:
            generation = next_generation(row.desired_generation, self._tick())
            leased = self._token is not None
            due_at = row.due_at if leased else None if row.resting == "unknown" else self._now
            self._lane = replace(
                row,
                desired_generation=generation,
                resend_generation=generation,
                in_doubt=True,
                lease_doubt=leased,
                unconfirmed=False,
                due_at=due_at,
                resting="unknown" if row.resting == "unknown" else None,
            )

    def expire(self) -> None:
        """Let leases and waits run out."""
        if self._lane is not None and self._lane.due_at is not None:
            self._now = max(self._now, self._lane.due_at)

    def replay(self) -> None:
        """Deliver again."""
        row = self._lane
        if row is None or not (row.desired_present or row.applied_present or row.in_doubt):
            return
        generation = next_generation(row.desired_generation, self._tick())
        self._lane = replace(
            row,
            desired_generation=generation,
            resend_generation=generation,
            digest=None,
            unconfirmed=False,
            due_at=row.due_at if self._token is not None else self._now,
            attempts=0,
            failing_since=None,
            resting="unknown" if row.resting == "unknown" else None,
        )

    def erase_kept(self) -> None:
        """Erase what is kept of a create."""
        if self._kept is not None:
            self._kept = replace(self._kept, state=None)

    def seen(self) -> Seen:
        """How the lane stands."""
        row = self._lane
        if row is None:
            return Seen(
                exists=False, generation=0, due=False, leased=False, resting=None, converged=False, unconfirmed=False
            )
        return Seen(
            exists=True,
            generation=row.desired_generation,
            due=row.due_at is not None and self._token is None,
            leased=self._token is not None,
            resting=row.resting,
            converged=row.applied_generation == row.desired_generation,
            unconfirmed=row.unconfirmed,
        )

    def _tick(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def _keep(self, claim: Claim) -> None:
        """What the claim keeps before it sends, in its own transaction."""
        step, row = plan(claim, self._policy.capabilities), self._lane
        keeps = isinstance(step, Send) and step.keep and step.generation == claim.lane.generation
        if not keeps or row is None or (row.kept and self._kept and self._kept.generation == claim.lane.generation):
            return
        self._kept = kept(claim.lane.generation, body=claim.state)
        self._lane = replace(row, kept=True)
