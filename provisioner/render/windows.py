"""What a Windows PC gets of one assignment: custom profile, remediation pair, files for Group Policy. Pure.

The custom profile is the way to begin with: one object for both products, enforced without an
agent. Which of the ways writes which registry value, and why never two, stands in `remediation`.
Console paths are as seen in 2026-11 (rollout 2.4); menus move.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from provisioner.policy.model import PlainTree
from provisioner.render import admx, graph, omauri, powershell, registry, remediation
from provisioner.render.admx import ADMX
from provisioner.render.cells import read_table, write_table
from provisioner.render.model import Artifact, Delivery, Person, Product, Settings, Tree, Upload, references
from provisioner.render.templates import Templates

READERS = "every local user of the PC (its registry is readable)"
PROFILE_READERS = f"{READERS}; Intune roles that may create or change device configurations"
SCRIPT_READERS = f"{READERS}; every Intune role that may read scripts"
CSV_HEADER = ("Name", "OMA-URI", "Data type", "Value file")

PROFILES = (
    "Devices > Manage devices > Configuration > Create > New policy > Windows 10 and later > Templates >"
    " Custom; one row each, Data type String (as seen 2026-11)"
)
REMEDIATIONS = (
    "Devices > Manage devices > Scripts and remediations > Remediations > Create;"
    " logged-on credentials No, signature check No, 64-bit PowerShell Yes (as seen 2026-11)"
)
CENTRAL_STORE = r"Group Policy central store: SYSVOL\<domain>\Policies\PolicyDefinitions"


def artifacts(delivery: Delivery, templates: Templates, *, remediation_key: bool) -> tuple[Artifact, ...]:
    """Return the files for the Windows PCs of an assignment, in the order of the admin's walk.

    `remediation_key` is the consent to a key in an Intune script, which Microsoft advises against:
    the remediation then takes the custom profile's place in the default walk, never a place beside
    it. Raises `ArtifactError` for settings that Windows can't carry.
    """
    folder = _Folder(delivery, templates, remediation.policy(delivery, None))
    return (
        *_custom_profile(folder, optional=remediation_key),
        *_remediation(folder, owner=remediation_key),
        *_group_policy(folder),
    )


@dataclass(frozen=True, slots=True)
class _Folder:
    """`{assignment}/intune/windows/`, and what all in it is made from."""

    delivery: Delivery
    templates: Templates
    policy: dict[str, Settings]
    """Without a person, unless the assignment is one person's: nothing substitutes here."""

    @property
    def object_name(self) -> str:
        return graph.object_name(self.delivery)

    @property
    def person(self) -> Person:
        """How the person gets into the policy as it stands here."""
        return self.delivery.person

    def file(
        self,
        name: str,
        content: Tree,
        write: Callable[[PlainTree], bytes],
        read: Callable[[bytes], PlainTree],
        *,
        products: tuple[Product, ...] = ("claude-code", "claude-desktop"),
        person: Person = "none",
        readers: str = READERS,
        upload: Upload | None = None,
    ) -> Artifact:
        """Return one file."""
        holds_key = next(references(content), None) is not None
        return Artifact(
            path=PurePosixPath(self.delivery.assignment, "intune/windows", name),
            content=content,
            write=write,
            read=read,
            assignment=self.delivery.assignment,
            mdm="intune",
            products=products,
            person=person,
            key_readers=readers if holds_key else "",
            upload=upload,
        )


def _custom_profile(folder: _Folder, *, optional: bool) -> Iterator[Artifact]:
    """Yield the list of settings, the value of each, and the same as one Graph body."""
    rows: list[Tree] = [list(CSV_HEADER)]
    values: list[Artifact] = []
    for number, row in enumerate(omauri.rows(folder.policy), start=1):
        name = f"values/{number:02d}-{ADMX[row.product].file}-{row.value or 'ADMX'}.txt"
        rows.append([row.name, row.uri, "String", name])
        values.append(_value(folder, name, row))
    object_type = "custom profile (OMA-URI)"
    yield folder.file(
        "oma-uri.csv",
        rows,
        write_table,
        read_table,
        upload=Upload(PROFILES, object_type, folder.object_name, optional),
    )
    yield from values
    yield folder.file(
        "graph-windows10CustomConfiguration.json",
        {**graph.described(folder.delivery, folder.policy), "policy": folder.policy},
        graph.profile_writer(folder.templates),
        graph.read_profile,
        person=folder.person,
        readers=PROFILE_READERS,
        upload=Upload(
            "POST /v1.0/deviceManagement/deviceConfigurations", object_type, folder.object_name, optional=True
        ),
    )


def _value(folder: _Folder, name: str, row: omauri.Row) -> Artifact:
    settings = folder.policy[row.product]
    if row.value is None:
        names = omauri.value_names(folder.policy)[row.product]
        return folder.file(
            name,
            admx.content(row.product, names),
            admx.admx_writer(folder.templates),
            admx.read_admx,
            products=(row.product,),
        )
    return folder.file(
        name,
        {row.product: settings if row.product == "claude-code" else {row.value: settings[row.value]}},
        omauri.value_bytes,
        omauri.value_reader(row.product, row.value),
        products=(row.product,),
        person=folder.person if row.value in (registry.SETTINGS, remediation.HEADERS) else "none",
        readers=PROFILE_READERS,
    )


def _remediation(folder: _Folder, *, owner: bool) -> Iterator[Artifact]:
    """Yield both scripts, and the same as one Graph body."""
    detect = remediation.detection(folder.delivery, owner=owner)
    remedy = remediation.remedy(folder.delivery, owner=owner)
    person: Person = "script" if folder.delivery.user is None else folder.person if owner else "none"

    def upload(console_path: str, *, optional: bool) -> Upload:
        return Upload(console_path, "remediation", folder.object_name, optional)

    yield folder.file(
        "detect.ps1",
        detect,
        remediation.detection_writer(folder.templates),
        powershell.read_script,
        upload=upload(f"{REMEDIATIONS}: Detection script file", optional=not owner),
    )
    yield folder.file(
        "remediate.ps1",
        remedy,
        remediation.remedy_writer(folder.templates),
        remediation.read_remedy,
        person=person,
        readers=SCRIPT_READERS,
        upload=upload(f"{REMEDIATIONS}: Remediation script file", optional=not owner),
    )
    scripts: Settings = {"detect": detect, "remediate": remedy}
    yield folder.file(
        "graph-deviceHealthScript.json",
        {**graph.described(folder.delivery, scripts), **scripts},
        graph.remediation_writer(folder.templates),
        graph.read_remediation,
        person=person,
        readers=SCRIPT_READERS,
        upload=upload("POST /beta/deviceManagement/deviceHealthScripts", optional=True),
    )


def _group_policy(folder: _Folder) -> Iterator[Artifact]:
    """Yield templates for Group Policy and ConfigMgr, and a file that sets the same on one PC by hand."""
    for product, names in omauri.value_names(folder.policy).items():
        file, content = ADMX[product].file, admx.content(product, names)
        yield folder.file(
            f"{file}.admx",
            content,
            admx.admx_writer(folder.templates),
            admx.read_admx,
            products=(product,),
            upload=Upload(CENTRAL_STORE, "administrative template", file, optional=True),
        )
        yield folder.file(
            f"{file}.adml",
            content,
            admx.adml_writer(folder.templates),
            admx.read_adml,
            products=(product,),
            upload=Upload(rf"{CENTRAL_STORE}\en-US", "administrative template", file, optional=True),
        )
    yield folder.file(
        f"{folder.object_name}.reg",
        folder.policy,
        registry.reg_bytes,
        registry.read_reg,
        person=folder.person,
        upload=Upload("on one PC, elevated: reg import", "registry file", folder.object_name, optional=True),
    )
