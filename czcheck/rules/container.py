"""CZ1xx: the container. Structure, names, members, ids, payload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from czcheck.archive.container import (
    GUID,
    OTHER_FORMS,
    SAVED_MODEL,
    Container,
    ContainerKind,
    Payload,
)
from czcheck.archive.foreign import PayloadKind
from czcheck.archive.members import Defect, DefectKind, misread
from czcheck.archive.reader import Archive
from czcheck.rules.declaring import Level, rule
from czcheck.rules.finding import Found, InMember, Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE
SOUND = ("CZ101", "CZ102", "CZ104", "CZ105", "CZ106")
# The same rules apply to the outer archive and to the payload's own archive.
Archives = tuple[tuple[str, Archive], ...]


def _defects(archives: Archives, kind: DefectKind) -> Iterator[Found]:
    """Findings for the defects of one kind, outer archive first."""
    for payload, archive in archives:
        for defect in archive.defects:
            if defect.kind is kind:
                yield _found(payload, defect)


def _found(payload: str, defect: Defect) -> Found:
    if defect.member is None:
        subject = "The file" if not payload else f"The payload {payload}"
        return Found(InMember(payload) if payload else None, subject=subject, detail=defect.detail)
    member = f"{payload}!/{defect.member}" if payload else defect.member
    return Found(InMember(member), subject=f"Member {member}", detail=defect.detail)


@rule("CZ101", severity=ERROR, level=Level.ARCHIVE)
def file_is_a_zip_archive(archives: Archives) -> Iterable[Found]:
    """The file is not a ZIP archive.

    Says: {subject} {detail}.
    Why: A czmodel is a ZIP archive; nothing else can be imported.
    Fix: Export or download the model again: a truncated file was not transferred completely. To
        make an archive from a SavedModel or a Keras file, use `czcheck build`.
    Format: 1.1, container
    """
    return _defects(archives, DefectKind.UNREADABLE)


@rule("CZ102", severity=ERROR, level=Level.ARCHIVE)
def archive_structure_is_sound(archives: Archives) -> Iterable[Found]:
    """The archive's structure is inconsistent.

    Says: {subject} {detail}.
    Why: Two programs may see different contents in such a file, so what is imported may differ from
        what was checked.
    Fix: Pack the model again, with `czcheck build` or any ordinary ZIP tool.
    Format: 1.1, container
    """
    return _defects(archives, DefectKind.STRUCTURE)


@rule("CZ103", severity=ERROR, level=Level.ARCHIVE)
def members_can_be_unpacked(archives: Archives) -> Iterable[Found]:
    """A member cannot be unpacked.

    Says: {subject} {detail}.
    Why: ZEN unpacks every member when it imports the model.
    Fix: Pack the model again, stored or deflated and without encryption.
    Format: 1.1, compression
    """
    return _defects(archives, DefectKind.MEMBER)


@rule("CZ104", severity=ERROR, level=Level.ARCHIVE)
def archive_stays_within_limits(archives: Archives) -> Iterable[Found]:
    """The archive exceeds the limits for untrusted files.

    Says: {subject} {detail}.
    Why: A small file that unpacks to a huge one can fill the memory or the disk of whoever opens
        it.
    Fix: Remove members that do not belong to the model; a network over 2 GiB cannot be packed.
    Format: 1.1, container
    """
    return _defects(archives, DefectKind.LIMIT)


@rule("CZ105", severity=ERROR, level=Level.ARCHIVE)
def member_names_are_safe(archives: Archives) -> Iterable[Found]:
    """A member's name is unsafe.

    Says: {subject} {detail}.
    Why: When it unpacks the archive, a careless program would write outside its folder or to a
        device.
    Fix: Rename the member to a plain relative path.
    Format: 1.1, container
    """
    return _defects(archives, DefectKind.NAME)


@rule("CZ106", severity=ERROR, level=Level.ARCHIVE)
def member_names_are_unique(archives: Archives) -> Iterable[Found]:
    """Members have the same name.

    Says: {subject} {detail}.
    Why: Which of them is used depends on the program that unpacks the archive and on its file
        system.
    Fix: Keep one member of each name.
    Format: 1.5, duplicate entries
    """
    return _defects(archives, DefectKind.DUPLICATE)


@rule("CZ107", severity=ERROR, level=Level.ARCHIVE, requires=SOUND)
def archive_is_a_czmodel(container: Container) -> Iterator[Found]:
    """The archive is not a czmodel.

    Says: The file is {what}.
    Why: Only czmodel archives can be checked. The contents decide, not the file's extension.
    Fix: To make a czmodel from a SavedModel or a Keras file, run `czcheck build spec.json` with a
        specification that names it as `ModelPath`; unzip a SavedModel first. No rule checks czann
        files yet, so this finding is no verdict on one.
    Format: 1.1, extensions; 3, CZANN
    """
    if container.kind is not ContainerKind.CZMODEL:
        yield Found(what=container.kind.in_words)


def _one(candidates: tuple[str, ...], what: str) -> Iterator[Found]:
    if len(candidates) != 1:
        count = "no" if not candidates else str(len(candidates))
        listed = f" ({', '.join(candidates)})" if candidates else ""
        noun = what if len(candidates) == 1 else f"{what}s"
        yield Found(problem=f"{count} {noun}{listed}")


@rule("CZ108", severity=ERROR, level=Level.ARCHIVE, requires=("CZ107",))
def there_is_one_metadata_xml(container: Container) -> Iterator[Found]:
    """The archive does not contain exactly one metadata XML.

    Says: The archive contains {problem}; exactly one `<guid>.xml` is expected.
    Why: Without it ZEN knows neither classes nor pixel type nor border.
    Fix: Put the metadata into the archive's root as `<guid>.xml`, where `<guid>` is the model's id.
    Format: 1.1, members
    """
    yield from _one(container.metadata, "metadata XML file")


@rule("CZ109", severity=ERROR, level=Level.ARCHIVE, requires=("CZ107",))
def there_is_one_marker(container: Container) -> Iterator[Found]:
    """The archive does not contain exactly one `modelid=` marker.

    Says: The archive contains {problem}; exactly one empty member `modelid=<guid>` is expected.
    Why: Every known writer adds it, and readers find the model's id in its name.
    Fix: Add one empty member named `modelid=<guid>`, where `<guid>` is the model's id.
    Format: 1.1, members
    """
    yield from _one(container.markers, "marker")


@rule("CZ110", severity=ERROR, level=Level.ARCHIVE, requires=("CZ107",))
def there_is_one_payload(container: Container) -> Iterator[Found]:
    """The archive does not contain exactly one payload.

    Says: The archive contains {problem}; exactly one `<guid>.model` is expected.
    Why: The payload is the network itself.
    Fix: Put the zipped SavedModel into the archive's root as `<guid>.model`.
    Format: 1.1, members
    """
    yield from _one(container.payloads, "payload")


@rule("CZ111", severity=ERROR, level=Level.ARCHIVE, requires=("CZ108", "CZ109", "CZ110"))
def member_names_carry_one_id(container: Container) -> Iterator[Found]:
    """The member names do not share one valid id.

    Says: {problem}.
    Why: A reader that uses the marker's id to find the other members does not find them.
    Fix: Use one lower-case UUID in `modelid=<guid>`, `<guid>.xml` and `<guid>.model`.
    Format: 1.1, members
    """
    ids = {
        "marker": container.marker_id or "",
        "metadata": container.metadata_id or "",
        "payload": container.payload_id or "",
    }
    if len({value.lower() for value in ids.values()}) > 1:
        listed = ", ".join(f"{place} {value}" for place, value in ids.items())
        yield Found(problem=f"The member names carry different ids: {listed}")
        return
    value = ids["marker"]
    if not GUID.fullmatch(value):
        yield Found(problem=f"The id {value!r} in the member names is not a UUID")


@rule("CZ112", severity=WARNING, level=Level.ARCHIVE, requires=("CZ109",))
def marker_is_empty(container: Container, archive: Archive) -> Iterator[Found]:
    """The marker is not empty.

    Says: The marker {member} contains {size} bytes; it should be empty, because its name contains
        the id.
    Why: No known writer stores data in it, so readers may not expect any.
    Fix: Store the marker with zero bytes.
    Format: 1.1, members
    """
    name = container.marker_member
    if name is None or name == container.payload_member:
        return
    size = archive.member(name).size
    if size:
        yield Found(InMember(name), member=name, size=size)


def _backslashes(payload: Payload | None, container: Container) -> Iterator[tuple[str, int]]:
    if container.backslashes:
        yield container.backslashes[0], len(container.backslashes)
    files = payload.files if payload is not None else None
    if payload is not None and files is not None and files.backslashes:
        yield f"{payload.member}!/{files.backslashes[0]}", len(files.backslashes)


@rule("CZ113", severity=WARNING, level=Level.ARCHIVE, requires=("CZ107",))
def names_use_forward_slashes(
    container: Container, model_payload: Payload | None
) -> Iterator[Found]:
    r"""Member names use `\` as separator.

    Says: {count} member name(s) use a backslash as separator, such as {member}.
    Why: Only old versions of ZEN are known to accept them; other readers see one oddly named file
        instead of a file in a folder.
    Fix: Pack the archive again with `/` as separator; `czcheck repair` does it.
    Format: 1.1, extra members and subfolders
    """
    for member, count in _backslashes(model_payload, container):
        yield Found(InMember(member), member=member, count=count)


@rule("CZ114", severity=WARNING, level=Level.ARCHIVE, requires=("CZ107",))
def nothing_is_wrapped_in_a_folder(
    container: Container, model_payload: Payload | None
) -> Iterator[Found]:
    """All members are inside one folder of the archive.

    Says: {what} is inside the folder {folder}.
    Why: Every known writer puts the members into the root; whether ZEN searches folders is not
        known.
    Fix: Zip the contents of the folder, not the folder itself; `czcheck repair` does it.
    Format: 1.5, inner SavedModel
    """
    if container.wrapper is not None:
        folder = container.wrapper
        yield Found(InMember(folder + "/"), what="Everything in the archive", folder=folder)
    files = model_payload.files if model_payload is not None else None
    if model_payload is not None and files is not None and files.wrapper is not None:
        place = InMember(f"{model_payload.member}!/{files.wrapper}/")
        yield Found(place, what="The SavedModel in the payload", folder=files.wrapper)


@rule("CZ115", severity=WARNING, level=Level.ARCHIVE, requires=("CZ107",))
def payload_is_named_by_the_id_alone(container: Container) -> Iterator[Found]:
    """The payload is named `modelid=<guid>.model`.

    Says: The payload is named {member}; every known writer names it {expected}.
    Why: Some descriptions of the format show that name, but no real file has it.
    Fix: Name the payload `<guid>.model` and add the empty marker `modelid=<guid>`;
        `czcheck repair` does it.
    Format: 1.6, payload member
    """
    name = container.payload_member
    if container.literal_payload and name is not None:
        yield Found(InMember(name), member=name, expected=f"{container.payload_id}.model")


@rule("CZ116", severity=ERROR, level=Level.ARCHIVE, requires=("CZ110",))
def payload_is_not_a_pickle(payload: Payload) -> Iterator[Found]:
    """The payload is a Python pickle: a random-forest model of Version 1.

    Says: The payload {member} is a Python pickle (protocol {protocol}), as in random-forest models
        of Version 1, not a segmentation network; it was not unpickled.
    Why: Unpickling runs any code that the file names, and this tool checks networks.
    Fix: Use the random-forest model in ZEN itself, or train a network and build a czmodel from it.
    Format: 1.5, payload of Version 1
    """
    if payload.kind is PayloadKind.PICKLE:
        yield Found(InMember(payload.member), member=payload.member, protocol=payload.head[1])


@rule("CZ117", severity=ERROR, level=Level.ARCHIVE, requires=("CZ110",))
def payload_is_not_onnx(payload: Payload) -> Iterator[Found]:
    """The payload is an ONNX model, which is not supported yet.

    Says: The payload {member} looks like an ONNX model, which is not supported yet: only
        SavedModels are checked.
    Why: Model 3.0.0 contains SavedModels; ONNX belongs to Model 3.1.0. The network was not checked.
    Fix: For ZEN versions that read Model 3.0.0, build the archive from a SavedModel.
    Format: 2, N1
    """
    if payload.kind is PayloadKind.ONNX:
        yield Found(InMember(payload.member), member=payload.member)


@rule("CZ118", severity=ERROR, level=Level.ARCHIVE, requires=("CZ116", "CZ117"))
def payload_is_a_saved_model(payload: Payload) -> Iterator[Found]:
    """The payload is not a zipped SavedModel.

    Says: The payload {member} is {what}, not the ZIP archive of a SavedModel.
    Why: ZEN loads the network from a SavedModel; anything else cannot be imported.
    Fix: Zip the SavedModel so that `saved_model.pb` is in the root of the payload, or let `czcheck
        build` do it.
    Format: 1.5, payload of 3.0.0
    """
    if payload.files is not None and not payload.files.archive.is_sound:
        return
    what = {
        PayloadKind.EMPTY: "empty",
        PayloadKind.ZIP: "a ZIP archive without a saved_model.pb",
        PayloadKind.UNKNOWN: "of an unknown kind",
    }.get(payload.kind)
    if what is not None:
        yield Found(InMember(payload.member), member=payload.member, what=what)


@rule("CZ119", severity=NOTE, level=Level.ARCHIVE, requires=("CZ107",))
def other_members_are_named(container: Container) -> Iterator[Found]:
    """The archive contains additional members.

    Says: The archive contains {count} additional member(s), such as a licence file: {members}.
    Why: They are distributed with the model. Only their names and sizes were checked.
    Fix: Nothing, if they belong to the model.
    Format: 1.1, members
    """
    if container.others:
        shown = ", ".join(container.others[:5])
        more = ", ..." if len(container.others) > 5 else ""  # enough to recognise
        yield Found(members=shown + more, count=len(container.others))


@rule("CZ120", severity=WARNING, level=Level.ARCHIVE, requires=SOUND)
def everybody_reads_the_same_members(
    archives: Archives, model_payload: Payload | None
) -> Iterator[Found]:
    """A member can be mistaken for another one.

    Says: Member {member} {problem}.
    Why: Another program may read a different member than the one that was checked, and a person who
        reads the list of members may see another name.
    Fix: Rename or remove the member, and pack the model again.
    Format: 1.1, members
    """
    for payload, archive in archives:
        for member in archive.members:
            problem = misread(member)
            if problem is not None:
                name = f"{payload}!/{member.name}" if payload else member.name
                yield Found(InMember(name), member=name, problem=problem)
    files = model_payload.files if model_payload is not None else None
    if model_payload is not None and files is not None and SAVED_MODEL in files.names:
        for other in OTHER_FORMS:
            if other in files.names:
                name = f"{model_payload.member}!/{other}"
                problem = f"is another form of {SAVED_MODEL}, which some programs may read instead"
                yield Found(InMember(name), member=name, problem=problem)
