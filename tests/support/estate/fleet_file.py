"""The fleet file that joins acme's exports, with rules for every awkward case (rollout 4.3)."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.estate.staff import TEAMS

PRESETS = {
    "entra": ("entra-users", "in/entra-users.csv", ""),
    "entra-2": ("entra-users", "in/entra-users-2.csv", ""),
    "okta": ("okta-users-json", "in/okta-users.json", ""),
    "google": ("google-users", "in/google-users.csv", ""),
    "intune": ("intune-devices", "in/intune.csv", ""),
    "intune-graph": ("intune-devices", "in/intune-graph.csv", ""),
    "jamf": ("jamf-computers", "in/jamf.csv", '{ ownership = "Asset Ownership" }'),
    "jamf-german": (
        "jamf-computers",
        "in/jamf-german.csv",
        '{ serial = "Seriennummer", mdm_id = "JSS-Computer-ID", managed = "Verwaltet", '
        'user_upn = "Benutzername", user_email = "E-Mail-Adresse", department = "Abteilung" }',
    ),
    "jamf-tsv": ("jamf-computers", "in/jamf.tsv", '{ ownership = "Asset Ownership" }'),
    "jamf-xlsx": ("jamf-computers", "in/jamf.xlsx", '{ ownership = "Asset Ownership" }'),
    "kandji": ("kandji-devices", "in/kandji.csv", ""),
    "kandji-api": ("kandji-devices", "in/kandji-api.json", ""),
    "plain": ("plain", "in/plain.csv", ""),
}
"""By the names of sources: preset, file, columns."""


def text(sources: tuple[str, ...], rules: int, groups: int) -> str:
    """Return the file; with more `rules` than the cases need, ordinary ones fill up.

    `groups`: how many there are besides those of the cases.
    """
    parts = [HEAD]
    for source in sources:
        preset, file, columns = PRESETS[source]
        said = f"columns = {columns}\n" if columns else ""
        parts.append(f'[[roster.source]]\npreset = "{preset}"\nfile = "{file}"\n{said}')
    google = '{ mail = "Member Email" }' if sources[0] == "google" else ""
    said = f"columns = {google}\n" if google else ""
    parts.append(f'[[roster.source]]\npreset = "entra-group-members"\nfiles = "in/groups/*.csv"\n{said}')
    parts.append("[roster.teams]\n" + "".join(f'"{name}" = "{team}"\n' for name, team in TEAMS.items()))
    first, last = list(_first(sources)), list(_last(sources))
    fill = (_ordinary(n, groups) for n in range(max(0, rules - len(first) - len(last))))
    parts += [f"[[assign]]\n{rule}\n" for rule in (*first, *fill, *last)]
    return "\n".join(parts)


ASKED = ("AI-BYOD", "AI-Contractors", "AI-Env-Dev", "AI-Pilot", "AI-Team-Data", "AI-Team-Sales")
"""The groups that the rules of the cases ask for."""
HEAD = """\
tenant = "acme"
mdm = ["jamf", "kandji", "intune", "files"]

[roster]
identity = "mail"
domains = ["acme.com", "acme.co.uk"]
unmatched = "skip"
"""
_END = '"2036-03-31"'
"""Far away, since gateways in tests keep the real time."""


def _first(sources: tuple[str, ...]) -> Iterator[str]:
    yield _rule('{ group = "AI-Pilot" }', '"pilot"', "ring = 0")
    yield _rule('{ kind = "device", name = "KIOSK-*" }', '"shared"', 'attribution = "device"')
    for source, end in (("intune", ""), ("intune-graph", "G")):
        if source in sources:
            pool = f'attribution = {{ pool = "vdi-east{end.lower()}" }}'
            yield _rule(f'{{ name = "VDI-EAST{end}-*" }}', '"vdi"', pool)
    byod = '{ enrolment = ["byod-device", "byod-user"], group = "AI-BYOD" }'
    yield _rule(byod, '"byod"', *_own(_END))
    if "okta" in sources:
        own = _own('{ column = "contractEnd" }')
        yield _rule('{ employee_type = "Contractor", managed = false }', '"ext"', *own)
    yield _rule('{ group = "AI-Contractors", managed = false }', '"ext"', *_own(_END))
    yield _rule('{ name = "DEV-*", group = "AI-Env-Dev" }', _DEPARTMENT, "ring = 1", env="dev")


def _last(sources: tuple[str, ...]) -> Iterator[str]:
    yield _rule('{ group = "AI-Team-Data" }', '{ from = "group" }')
    yield _rule('{ group = "AI-Team-Sales" }', '{ from = "group" }', 'second = "key-only"')
    if "google" in sources:
        yield _rule('{ ou = "/*/Creative*" }', '"creative"')
    yield _rule('{ department = "*" }', _DEPARTMENT)
    yield _rule('{ group = "AI-Env-Dev" }', _DEPARTMENT, 'second = "key-only"', env="dev")


def _ordinary(n: int, groups: int) -> str:
    team = f'"team-{n % 60:03d}"'
    match n % 4:
        case 0 | 1 if groups:
            return _rule(f'{{ group = "AI-Group-{n % groups:04d}" }}', team)
        case 2:
            texts = f'["R&D {n:03d}", "Sales {n:03d}*"]'
            return _rule(f'{{ department = {texts}, job_title = "*Lead*" }}', team)
        case _:
            return _rule(f'{{ name = "BER-*{n:04d}", platform = "macos" }}', team)


_DEPARTMENT = '{ from = "department" }'


def _own(end: str) -> tuple[str, ...]:
    return 'profile = "restricted"', 'key = "person"', f"expires = {end}"


def _rule(when: str, team: str, *more: str, env: str = "prod") -> str:
    return "\n".join((f"when = {when}", f"team = {team}", f'env = "{env}"', *more))
