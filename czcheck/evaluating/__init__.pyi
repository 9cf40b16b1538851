from .pairs import Pair as Pair
from .pairs import pairs_of as pairs_of
from .scoring import RIGHT as RIGHT
from .scoring import UNKNOWN as UNKNOWN
from .scoring import WRONG as WRONG
from .scoring import PlaneScore as PlaneScore
from .scoring import worst_picture as worst_picture
from .truth import mask_reading as mask_reading
