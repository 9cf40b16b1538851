from .reading import Groups as Groups
from .reading import Writer as Writer
from .reading import snake_case as snake_case
from .reading import writer_of as writer_of
from .tree import Reader as Reader
from .tree import assign as assign
