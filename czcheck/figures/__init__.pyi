from .counts import UNLABELLED as UNLABELLED
from .counts import ObjectFigures as ObjectFigures
from .counts import PixelCounts as PixelCounts
from .counts import match as match
from .record import Evaluation as Evaluation
from .record import Goals as Goals
from .record import ImageEvaluation as ImageEvaluation
