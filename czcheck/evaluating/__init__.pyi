from .pairs import Pair as Pair
from .pairs import pairs_of as pairs_of
from .pictures import RIGHT as RIGHT
from .pictures import UNKNOWN as UNKNOWN
from .pictures import WRONG as WRONG
from .pictures import worst_picture as worst_picture
from .scoring import PlaneScore as PlaneScore
from .truth import mask_reading as mask_reading
