from .configuration import Configuration as Configuration
from .configuration import configuration_of_call as configuration_of_call
from .reading import lines_of_keys as lines_of_keys
from .reading import read_configuration as read_configuration
from .reading import says_something as says_something
from .settings import Settings as Settings
