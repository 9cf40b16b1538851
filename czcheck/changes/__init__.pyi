from .metadata import MetadataChange as MetadataChange
from .metadata import compare_metadata as compare_metadata
from .metadata import match_classes as match_classes
from .outputs import OutputsChange as OutputsChange
from .weights import WeightsChange as WeightsChange
from .weights import compare_weights as compare_weights
