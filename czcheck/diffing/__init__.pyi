from .answers import AnswersChange as AnswersChange
from .classes import match_classes as match_classes
from .metadata import MetadataChange as MetadataChange
from .metadata import compare_metadata as compare_metadata
from .release import Release as Release
from .result import Diff as Diff
from .weights import WeightsChange as WeightsChange
from .weights import compare_weights as compare_weights
