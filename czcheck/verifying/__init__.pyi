from .cluster import check_on_cluster as check_on_cluster
from .evidence import Spool as Spool
from .evidence import check_folder as check_folder
from .evidence import write_evidence as write_evidence
from .gathering import facts_of as facts_of
from .gathering import with_borders as with_borders
from .verification import verify as verify
