"""Compares two releases of a model: both files to facts, facts to rules, rules to a verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from czcheck._version import __version__
from czcheck.changes.metadata import FieldChange, MetadataChange, compare_metadata
from czcheck.changes.network import compare_networks
from czcheck.changes.weights import compare_weights
from czcheck.configuration.applying import applied, releases_with_waiver_rules, today
from czcheck.configuration.configuration import Configuration
from czcheck.configuration.showing import of_report
from czcheck.diffing import outputs
from czcheck.diffing.record import DiffOptions, DiffRecord, Fault, ReleaseFile
from czcheck.diffing.release import Release
from czcheck.errors import IncompleteError, UnavailableError, UsageError
from czcheck.limits import DEFAULT_LIMITS, Limits
from czcheck.options import Options
from czcheck.rules.declaring import Level, release_rules
from czcheck.rules.engine import Facts, Outcome, evaluate
from czcheck.runtime.source import WorkerSource
from czcheck.verifying.checking import check_images

if TYPE_CHECKING:
    from czcheck.changes.network import NetworkChange
    from czcheck.changes.outputs import OutputsChange
    from czcheck.changes.weights import WeightsChange
    from czcheck.configuration.settings import Settings
    from czcheck.model import Model
    from czcheck.progress import FileProgress
    from czcheck.runtime.limits import Backend, RunnerLimits
    from czcheck.tolerances import Tolerances


class Diff(DiffRecord):
    """What changed between two releases of a model.

    Attributes:
        tool_version: Version of czcheck.
        options: The options of the comparison.
        before: The first file.
        after: The second file.
        members: Members other than marker, metadata and payload that changed, with their digests;
            of an archive that cannot be read, the reason.
        metadata: What changed in the metadata, or why that is not known.
        network: What changed in the network, or why that is not known.
        weights: What changed in the weights, or why that is not known.
        outputs: What changed in the outputs, or why that is not known.
        outcomes: How each rule on two releases ended, in the order of their codes; where there is
            a configuration, the rules about that one as well.
        configuration: What they were compared by, as plain data; None for the defaults and what
            was requested.
    """

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `schemas/diff.schema.json` describes it."""
        from czcheck.diffing.json_form import diff_to_json  # noqa: PLC0415

        return diff_to_json(self)

    def to_html(self) -> str:
        """The comparison as one self-contained HTML page."""
        from czcheck.diffing.html import diff_page  # noqa: PLC0415

        return diff_page(self)

    def __str__(self) -> str:
        from czcheck.diffing.text import diff_lines  # noqa: PLC0415

        return "\n".join(line.text for line in diff_lines(self))

    def _repr_html_(self) -> str:
        from czcheck.diffing.notebook import diff_html  # noqa: PLC0415

        return diff_html(self)


LEVELS = (Level.NETWORK, Level.RUN)


def diff(  # noqa: PLR0913 - options of the command, all by name
    before: str | Path,
    after: str | Path,
    *,
    level: str | None = None,
    fail_on: str | None = None,
    select: Sequence[str] | None = None,
    ignore: Sequence[str] | None = None,
    allow_op: Sequence[str] | None = None,
    tiles: Sequence[str | Path] | None = None,
    timeout: float | None = None,
    memory: float | None = None,
    python: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    runner_limits: RunnerLimits | None = None,
    backend: Backend | None = None,
    require_sandbox: bool | None = None,
    config: str | Path | None = None,
    profile: str | None = None,
    find_config: bool = False,
    progress: FileProgress | None = None,
) -> Diff:
    """Compare two releases of a model.

    What is left out is taken from the configuration, as it is for the second release; see
    `docs/configuration.md`. Without one, the defaults of `verify` apply.

    Args:
        before: The first release: an archive, or a JSON specification with its SavedModel.
        after: The second release.
        level: `run`, the default, runs both networks on the same test tiles, each in its own
            process; `network` runs nothing, and compares outputs only where both networks compute
            the same from the same weights, or cannot. A milder level of a configuration is that.
        fail_on: Mildest severity that fails the verdict: `error`, `warning` or `note`.
        select: Codes or prefixes of rules (CZ6) to check; all if left out.
        ignore: Codes or prefixes to leave out.
        allow_op: Operations to admit though they are not on the allowlist. They are run.
        tiles: Images (PNG, TIFF) or folders of them to run in addition to the built-in test tiles.
        timeout: Most time for loading a network, and for each tile, in seconds.
        memory: Most memory of each network's process, in GiB.
        python: Interpreter that runs the networks; this one if left out.
        limits: Limits on everything that is read.
        runner_limits: All limits on each network's process; `timeout` and `memory` do not count
            then.
        backend: How networks are run: `auto`, through TensorFlow's C library where that can, or
            `python`.
        require_sandbox: Load no network where it cannot be shut in; the verdict is incomplete then.
        config: Configuration file.
        profile: Profile to put above the configuration.
        find_config: Look for a configuration as the command line does.
        progress: Called after each tile.

    Returns:
        What changed, with verdict and exit code.

    Raises:
        UsageError: No such file or image, a folder, an unknown level, severity or rule, or a wrong
            configuration.
        IncompleteError: There is no room to work in.
    """
    if level is not None and level not in (names := [each.value for each in LEVELS]):
        raise UsageError(f"level {level!r} is unknown; choose from: {', '.join(names)}")
    given = {
        "level": level,
        "fail-on": fail_on,
        "select": select,
        "ignore": ignore,
        "allow-op": allow_op,
        "tiles": tiles,
        "timeout": timeout,
        "memory": memory,
        "backend": backend,
        "require-sandbox": require_sandbox,
    }
    configured = Configuration(given, config, profile, find=find_config, releases=True)
    settings = configured.of(Path(after))
    options = _options(settings.options)
    check_images(settings.options.tiles)
    source = WorkerSource(
        python,
        runner_limits or configured.call.options.runner_limits,
        require_sandbox=configured.call.options.require_sandbox,
    )
    with (
        Release("first", Path(before), limits) as first,
        Release("second", Path(after), limits) as second,
        source,
    ):
        comparison = _Comparison(
            (first, second),
            options,
            settings.options.tiles,
            source,
            progress,
            settings.options.tolerances,
        )
        facts = Facts(
            {
                "metadata_change": lambda: comparison.metadata,
                "versions_change": comparison.versions,
                "network_change": lambda: comparison.network,
                "weights_change": comparison.known_weights,
                "outputs_change": comparison.outputs,
            }
        )
        outcomes = _outcomes(facts, settings, options.level)
        return Diff(
            __version__,
            options,
            before=_file(first.model),
            after=_file(second.model),
            members=_or_fault(comparison.members),
            metadata=_or_fault(lambda: facts["metadata_change"]),
            network=_or_fault(lambda: facts["network_change"]),
            weights=_or_fault(lambda: comparison.weights),
            outputs=_or_fault(lambda: facts["outputs_change"]),
            outcomes=outcomes,
            configuration=None
            if settings.file is None and settings.profile is None
            else of_report(settings),
        )


def _options(options: Options) -> DiffOptions:
    return DiffOptions(
        LEVELS[options.level is Level.RUN],
        options.fail_on,
        options.select,
        options.ignore,
        options.allow_op,
    )


def _outcomes(facts: Facts, settings: Settings, level: Level) -> tuple[Outcome, ...]:
    rules = release_rules()
    chosen = settings.options.chosen(rules)
    ended = evaluate(rules, facts, level=level, chosen=chosen)
    outcomes = applied(tuple(ended), settings, today())
    if settings.file is None:
        return outcomes
    return releases_with_waiver_rules(outcomes, settings)


def _or_fault(fact: Callable[[], Any]) -> Any:
    """A fact, or why there is none."""
    try:
        return fact()
    except (UnavailableError, IncompleteError) as error:
        return Fault(str(error))
    except Exception as error:  # noqa: BLE001 - a fault of ours: rules that need the fact crash
        return Fault(f"czcheck failed, please report this ({type(error).__name__}: {error})")


def _file(model: Model) -> ReleaseFile:
    network = _or_fault(lambda: model.network)
    readable = not isinstance(network, Fault) and network.fault is None
    return ReleaseFile(
        path=str(model.path),
        size=model.path.stat().st_size,
        sha256=model.sha256,
        parameters=network.parameters if readable else None,
        cost=model.cost if readable else None,
    )


@dataclass
class _Comparison:
    """Where the facts on two releases come from; each is worked out once."""

    releases: tuple[Release, Release]
    options: DiffOptions
    images: Sequence[Path]
    source: WorkerSource
    progress: FileProgress | None
    tolerances: Tolerances

    def members(self) -> tuple[FieldChange, ...]:
        """Licences and all other members than the three that every archive has."""
        old, new = (release.read(_others) for release in self.releases)
        return tuple(
            FieldChange(name, old.get(name), new.get(name))
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        )

    @cached_property
    def metadata(self) -> MetadataChange:
        before, after = (release.read(lambda model: model.metadata) for release in self.releases)
        return compare_metadata(before, after)

    def versions(self) -> tuple[str, str]:
        """The versions of the format, which can be read where the rest of the metadata cannot."""
        before, after = (release.read(_version) for release in self.releases)
        return before, after

    @cached_property
    def network(self) -> NetworkChange:
        first, second = self.releases
        before, after = (release.network for release in self.releases)
        return compare_networks(before, after, (first.structure, second.structure))

    @cached_property
    def weights(self) -> WeightsChange:
        before, after = (release.weights for release in self.releases)
        return compare_weights(before, after)

    def known_weights(self) -> WeightsChange:
        """What changed in the weights, where that is known of all."""
        found = self.weights
        if found.equal is None:
            number = found.count("unread")
            raise UnavailableError(f"the values of {number} weights cannot be read")
        return found

    def outputs(self) -> OutputsChange:
        """What changed in the outputs."""
        for release in self.releases:
            if left := release.model.left_to_build(run=True):
                raise UnavailableError(
                    f"the {release.which} release is a specification, which has to be built first: "
                    f"it leaves to `czcheck build` {left}"
                )
        if self.options.level is not Level.RUN:
            return outputs.proven_outputs(self.metadata, self.network)
        metadata, network = self.metadata, self.network
        with self.source.worker() as first, self.source.worker() as second:
            return outputs.compare_outputs(
                self.releases,
                metadata,
                network,
                (first, second),
                images=self.images,
                allow_op=self.options.allow_op,
                progress=self.progress,
                tolerances=self.tolerances,
            )


def _version(model: Model) -> str:
    version = model.document.version
    if version is None:
        raise UnavailableError("the metadata XML names no version of the format")
    return version


def _others(model: Model) -> dict[str, str]:
    """Digests of the other members by name; those of one name together."""
    names = Counter(model.container.others)
    return {name: model.archive.member(name).sha256 or "cannot be unpacked" for name in names}
