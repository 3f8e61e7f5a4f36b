"""Apart: NVIDIA's packages of another toolkit than the rest that mix nothing, by what is installed and declared.

`pip install torch==2.15.0` brings nvidia-nvjitlink 13.5.37 and nvidia-cuda-cccl 13.3.5 beside a toolkit 13.2.2: that
toolkit's METADATA asks for `nvidia-nvjitlink<14,>=13.2.86`, and cccl is headers alone. What fails is an older library
under a newer one that asks for its names (cuSPARSE of 12.8 over nvJitLink of 12.4), so a newer one that every
requirement allows is no mix. A plan takes all of one toolkit all the same.
"""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import Version

from stackfix.model.environment import Distribution, Environment
from stackfix.model.wheel import TOOLKIT_PARTS, Wheel
from stackfix.rules.installed import asked_of, held_releases
from stackfix.rules.plain import admits
from stackfix.rules.scene import Scene
from stackfix.versions import CudaVersion


def mixing_nothing(environment: Environment, scene: Scene) -> Mapping[str, str]:
    """Return name -> version of NVIDIA's installed packages whose toolkit need not be that of the rest."""
    held = [each.wheel for each in held_releases(environment, scene)]
    parts = {each.package: each for each in held if each.is_toolkit_part and each.cuda}
    disk = {each.name: each for each in environment.distributions if each.name in parts}
    found = {name: each.key for name, each in parts.items() if not each.provides and not disk[name].libraries}
    torch = next((each.cuda[0] for each in held if each.package == "torch" and each.cuda), None)
    newer = {name: each for name, each in parts.items() if torch is not None and _is_newer(each, torch)}
    if newer.keys() - found.keys():
        asked = _specifiers(environment, scene)
        found |= {
            name: each.key
            for name, each in newer.items()
            if name in asked and all(_allows(one, disk[name]) for one in asked[name])
        }
    return found


def _is_newer(part: Wheel, torch: CudaVersion) -> bool:
    """Whether a part is of a newer minor of torch's CUDA."""
    return all(each.major == torch.major and each > torch for each in part.cuda)


def _specifiers(environment: Environment, scene: Scene) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in asked_of(environment, scene):
        if one.name.startswith(TOOLKIT_PARTS):
            found.setdefault(one.name, []).append(one.specifier)
    return found


def _allows(specifier: str, there: Distribution) -> bool:
    return not specifier or admits(specifier, str(Version(there.version)))
