"""COCO's 80 categories by their ids, 1 to 90 with gaps: what the rows of a detector that was trained on COCO mean."""

NAMES = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant, -, stop sign, "
    "parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, -, backpack, umbrella, "
    "-, -, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove, "
    "skateboard, surfboard, tennis racket, bottle, -, wine glass, cup, fork, knife, spoon, bowl, banana, apple, "
    "sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, -, "
    "dining table, -, -, toilet, -, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, "
    "refrigerator, -, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"
)
"""In order of id; "-" is an id without a category."""

CATEGORIES = {number: name for number, name in enumerate(NAMES.split(", "), start=1) if name != "-"}
"""Name by category id."""


def row_names(rows: int) -> tuple[str, ...]:
    """Class names of a detector with `rows` rows, background first: COCO's names for 91 rows, else numbers.

    >>> row_names(91)[:2], row_names(91)[12], row_names(3)
    (('background', 'person'), 'no category 12', ('background', 'class 1', 'class 2'))
    """
    if rows == len(NAMES.split(", ")) + 1:
        return ("background", *(CATEGORIES.get(number, f"no category {number}") for number in range(1, rows)))
    return ("background", *(f"class {number}" for number in range(1, rows)))
