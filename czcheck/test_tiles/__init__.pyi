from .images import tiles_from as tiles_from
from .patterns import NAMES as NAMES
from .patterns import NATURAL as NATURAL
from .patterns import Tile as Tile
from .patterns import synthetic_nuclei as synthetic_nuclei
from .patterns import tiles as tiles
