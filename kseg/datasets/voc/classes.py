"""VOC's classes in order of id, and the colors that its palettes give them."""

NAMES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip


def color(label: int) -> tuple[int, int, int]:
    """VOC's color of a label: its bits 0, 3, 6 are the highest three bits of red, 1, 4, 7 of green, and so on."""
    red, green, blue = (
        sum((label >> (3 * place + channel) & 1) << (7 - place) for place in range(3)) for channel in range(3)
    )
    return red, green, blue


PALETTE = tuple(color(label) for label in range(len(NAMES)))
