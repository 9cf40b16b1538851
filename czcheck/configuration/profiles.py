"""Profiles: those that come with czcheck, and how profiles build on each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from czcheck.configuration.layers import Kind, Layer, Origin, Profile, Said
from czcheck.configuration.values import near
from czcheck.errors import UsageError
from czcheck.rules.declaring import Level
from czcheck.rules.finding import Severity


def _built_in(name: str, **settings: object) -> Profile:
    origin = Origin(Kind.PROFILE, name=name)
    return Profile(
        name, {key.replace("_", "-"): Said(value, origin) for key, value in settings.items()}
    )


BUILT_IN: Mapping[str, Profile] = {
    profile.name: profile
    for profile in (
        _built_in("release", level=Level.RUN, fail_on=Severity.WARNING, thorough=True),
        _built_in("quick", level=Level.NETWORK),
    )
}


def layers_of(name: str, own: Mapping[str, Profile], where: str) -> Iterator[Layer]:
    """The layers of a profile, the one that it builds on first.

    Args:
        name: Name of the profile.
        own: Profiles of the configuration file.
        where: Who asks for it, to say in errors.

    Yields:
        Settings; later ones count.

    Raises:
        UsageError: There is no such profile, or profiles build on each other in a circle.
    """
    chain: list[Profile] = []
    wanted: str | None = name
    while wanted is not None:
        if any(profile.name == wanted for profile in chain):
            names = " -> ".join([*(profile.name for profile in chain), wanted])
            raise UsageError(f"{where}: profiles extend each other in a circle: {names}")
        profile = own.get(wanted) or BUILT_IN.get(wanted)
        if profile is None:
            there = [*BUILT_IN, *own]
            raise UsageError(
                f"{where}: there is no profile {wanted!r}; choose from: {', '.join(there)}"
                f"{near(wanted, there)}"
            )
        chain.append(profile)
        wanted = profile.extends
    for profile in reversed(chain):
        yield profile.settings
