from .comparing import Diff as Diff
from .outputs import compare_outputs as compare_outputs
from .outputs import proven_outputs as proven_outputs
from .release import Release as Release
