from .calling import Configured as Configured
from .lines import lines_of_keys as lines_of_keys
from .merging import InForce as InForce
from .reading import read_configuration as read_configuration
from .reading import says_something as says_something
from .search import configuration_of_call as configuration_of_call
