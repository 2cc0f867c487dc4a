"""What the choice that came first gives to a person, device or service, or why nothing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from provisioner import naming
from provisioner.assign import addresses
from provisioner.assign.addresses import Refusal
from provisioner.assign.model import KEEPS_KEY, Attribution, Choice, Reason, Second, Status, Verdict
from provisioner.assign.rules import Match, Rules
from provisioner.assign.units import Units
from provisioner.assign.versions import too_old
from provisioner.fleet import Fleet
from provisioner.policy.model import Policy
from provisioner.roster.model import Device, Person, RowKind

OWN_KEY = "it takes a person's key that ends and has a budget"


@dataclass(frozen=True)
class Desk:
    """What every decision looks things up in."""

    fleet: Fleet
    policies: Mapping[str, Policy]
    rules: Rules
    units: Units
    identities: Mapping[str, str]
    """Whose each address is."""
    today: date
    inventory: bool
    reached: Collection[str]
    """Identities of people with a device that somebody manages; of no use without an inventory."""
    _alike: dict[tuple[int, bool], tuple[Second, ...]] = field(default_factory=dict)
    """Seconds of matches (by their id, and whether the person is managed) that are the same for everybody."""

    def decide(
        self,
        who: Person | Device,
        owner: Person | None,
        first: Choice,
        match: Match,
        rows: tuple[Choice, ...] = (),
    ) -> Verdict:
        """Return the verdict where one choice came first.

        Whoever is refused gets no further keys either, unless it is a console that has to be mended.

        Args:
            who: a device, or somebody whose devices nobody lists or manages.
            owner: the device's person.
            first: the choice that wins.
            match: what rules give, maybe with the first choice in it.
            rows: further plain rows; each gives a key.
        """
        person, device = (owner, who) if isinstance(who, Device) else (who, None)
        if first.gives == "skip":
            return refuse("skipped", who, "BY_RULE", given_by(first), first, owner=owner)
        if first.rule is not None and self.rules.ends[first.rule] is not None:
            day, text = self.rules.ended(first, person, device)
            if text:
                detail = f"the end is no certain day: {naming.shown(text)}"
                return refuse("not-covered", who, "NO_EXPIRY", detail, first, owner=owner)
            first = first._replace(expires=day)
        if first.expires is not None and first.expires <= self.today:
            return refuse("not-covered", who, "EXPIRED", f"on {first.expires}", first, owner=owner)
        refusal = self._refusal(first, person, device)
        if refusal is not None and refusal.reason not in KEEPS_KEY:
            return refuse("not-covered", who, *refusal, first, owner=owner)
        # Nobody gets keys by way of a device that is labelled because many sit at it.
        keyed = None if first.attribution == "device" and device is not None else person
        seconds = self._seconds_of(keyed, first, match, rows)
        if refusal is not None:
            return refuse("not-covered", who, *refusal, first, owner=owner)._replace(seconds=seconds)
        if first.gives == "key-only":
            status: Status = "key-only"
            unit = self.units.of(first, person)
        else:
            status = "assigned"
            unit = self.units.of(first, person, device)
        attribution, expected = self._attribution(first, person, device)
        kind: RowKind = "person" if device is None else "device"
        return Verdict(
            kind, _id(who), status, who.place, person, device, None,
            unit.name, first, seconds, attribution, expected,
        )  # fmt: skip

    def _seconds_of(
        self, person: Person | None, first: Choice, match: Match, rows: tuple[Choice, ...]
    ) -> tuple[Second, ...]:
        if not rows and len(match.choices) < (1 if first.row else 2):
            return ()
        if person is None or not match.alike or first.row is not None:
            further = [(row, True) for row in rows]
            further += [(choice, choice.rule in self.rules.giving_keys) for choice in match.choices]
            return tuple(self._seconds(person, first, further))
        key = id(match), self._unmanaged(person)
        seconds = self._alike.get(key)
        if seconds is None:
            further = [(choice, choice.rule in self.rules.giving_keys) for choice in match.choices]
            seconds = self._alike[key] = tuple(self._seconds(person, first, further))
        return seconds

    def _seconds(
        self, person: Person | None, first: Choice, further: Iterable[tuple[Choice, bool]]
    ) -> Iterator[Second]:
        seen = {self.units.of(first, person).name}
        guarded = first.rule in self.rules.unmanaged or (person is not None and self._unmanaged(person))
        for choice, gives_key in further:
            name = self.units.of(choice, person).name
            if choice.gives == "skip" or name in seen:
                continue
            seen.add(name)
            day, unclear = self.rules.ended(choice, person, None)
            ruled = guarded and choice.row is None
            if ruled and day is None:
                day = first.expires
            if day != choice.expires:
                choice = choice._replace(expires=day)
            why = self._kept_back(choice, unclear, first, person, ruled=ruled) if gives_key else ""
            yield Second(name, gives_key and not why, choice, why)

    def _kept_back(
        self, choice: Choice, unclear: str, first: Choice, person: Person | None, *, ruled: bool
    ) -> str:
        """Return why a further key is not given after all; `unclear` is an end that is no certain day."""
        if person is None:
            if first.attribution == "device":
                return "many sit at the device, and keys go to people"
            return "the device is nobody's, and keys go to people"
        if unclear:
            return f"its end is no certain day: {naming.shown(unclear)}"
        if choice.expires is not None and choice.expires <= self.today:
            return f"over since {choice.expires}"
        if not ruled or self._by_hand(choice) is None:
            return ""
        if choice.scope != "person":
            return "nobody unmanaged gets a shared key"
        return f"a key of somebody unmanaged {'must end' if choice.expires is None else 'needs a budget'}"

    def _unmanaged(self, person: Person) -> bool:
        """Whether inventories list devices, and none that is managed is the person's."""
        return self.inventory and person.identity not in self.reached

    def _by_hand(self, choice: Choice) -> Refusal | None:
        """Return why a rule's key is none for people whose devices nobody manages, whoever hands it out."""
        if choice.scope != "person":
            return Refusal("NOT_MANAGED", f"{given_by(choice)} gives a team's key")
        if choice.expires is None:
            return Refusal("NO_EXPIRY", "a key of somebody unmanaged must end")
        if self.policies[choice.profile].budget is None:
            return Refusal("NOT_MANAGED", OWN_KEY)
        return None

    def _refusal(self, first: Choice, person: Person | None, device: Device | None) -> Refusal | None:
        """Return why nothing goes to a device, or to somebody without one."""
        if first.rule in self.rules.unmanaged and (device is None or not device.managed):
            return self._by_hand(first)
        if first.gives == "key-only":
            if person is None:
                return Refusal("NO_PERSON", f"{given_by(first)} gives keys to people")
            refusal = self._by_hand(first) if self._unmanaged(person) else None
            if refusal is not None and device is None and refusal.reason == "NOT_MANAGED":
                detail = f"it would get {self.units.of(first, person).name}; {refusal.detail}"
                return Refusal("NO_DEVICE", detail)
            return refusal
        if device is None:
            labels = first.attribution == "device"
            return Refusal("NO_DEVICE", f"{given_by(first)} labels devices") if labels else None
        if not device.managed:
            return Refusal("NOT_MANAGED", "")
        if device.enrolment != "company" and (refusal := self._byod(first, device)):
            return refusal
        if device.facts and (floors := too_old(device.facts, self.fleet)):
            return Refusal("CLIENT_TOO_OLD", floors)
        if first.scope == "person" or first.attribution != "variable" or person is None:
            return None
        if device.platform == "macos":
            return addresses.refused(device.user_email, person, self.identities)
        return None

    def _byod(self, first: Choice, device: Device) -> Refusal | None:
        own = first.scope == "person" and first.expires is not None
        shared = self.fleet.keys.allow_shared_on_byod
        if own and (shared or self.policies[first.profile].budget is not None):
            return None
        if device.enrolment == "byod-user":  # by hand goes no team's key, whatever is allowed on profiles
            return Refusal("BYOD", f"a user enrolment takes no profile; {OWN_KEY}")
        return None if shared else Refusal("BYOD", OWN_KEY)

    def _attribution(
        self, first: Choice, person: Person | None, device: Device | None
    ) -> tuple[Attribution, str]:
        """Return how the person gets into the metadata, and what should arrive there."""
        if first.scope == "person" and person is not None:
            return "key", person.identity
        if first.gives == "key-only":
            return "none", ""
        if first.attribution == "device" and device is not None:
            return "device", f"device:{first.pool or device.serial or device.id}"
        if first.attribution == "none" or person is None:
            return "none", ""
        if device is None:
            # With an inventory only a Linux machine gets here: no console fills anything in there.
            return ("none", "") if self.inventory else ("variable", person.identity)
        match device.platform, device.mdm:
            case "macos", _:
                return "variable", device.user_email
            case "windows", "intune" if self.fleet.intune.remediation_key:
                return "script", device.user_email
        return "none", ""

    def handed_out(self, verdict: Verdict) -> bool:
        """Whether what somebody gets goes by hand, as no MDM reaches the device."""
        device = verdict.device
        if device is not None:
            return device.enrolment == "byod-user" or not device.managed
        return verdict.choice is not None and verdict.choice.rule in self.rules.unmanaged


def refuse(
    status: Status,
    who: Person | Device,
    reason: Reason,
    detail: str = "",
    choice: Choice | None = None,
    *,
    owner: Person | None = None,
) -> Verdict:
    """Return the verdict over somebody, or a device, that gets nothing."""
    person, device = (owner, who) if isinstance(who, Device) else (who, None)
    kind: RowKind = "person" if device is None else "device"
    return Verdict(
        kind, _id(who), status, who.place, person, device, choice=choice, reason=reason, detail=detail
    )


def given_by(choice: Choice) -> str:
    """Return where a choice comes from, for people: `rule 3`, or the row's place."""
    return f"rule {choice.rule + 1}" if choice.rule is not None else str(choice.row and choice.row.place)


def _id(who: Person | Device) -> str:
    return who.id if isinstance(who, Device) else who.identity
