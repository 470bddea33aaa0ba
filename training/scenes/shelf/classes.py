"""What a pixel of a shelf can be: the values of class masks, of generated pictures as of networks trained on them."""

from enum import IntEnum


class ShelfClass(IntEnum):
    """The nearest thing that a pixel shows at the middle of the exposure."""

    BACKGROUND = 0
    """Back wall, floor, ceiling, aisle, and whatever stands or reaches in front of the shelf."""
    PRODUCT = 1
    TAG = 2
    """Price tags, on the shelf's edges or hanging from them."""
    BOARD = 3
    """Boards with their front edges, uprights and end panels: the shelf itself."""
    EMPTY = 4
    """A place on a board for at least one product where none stands, as high as what stands beside it."""
