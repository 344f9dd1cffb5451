"""Where COCO comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOST = "http://images.cocodataset.org"

YEARS = ("2017", "2014")
"""In the order in which they are looked for."""

FOLDERS = {"train": "train", "validation": "val"}
"""What the file names of a split begin with."""

ANNOTATIONS = "annotations_trainval{year}.zip"

IMAGES = tuple(
    RemoteFile(
        f"{part}2017.zip", (f"{HOST}/zips/{part}2017.zip",), unpacked=(f"{part}2017", f"coco/{part}2017"), size=size
    )
    for part, size in (("train", 19_336_861_798), ("val", 815_585_330))
)
"""Archives of images; `coco_panoptic` needs them too."""

CITATION = (
    "T.-Y. Lin, M. Maire, S. Belongie, L. Bourdev, R. Girshick, J. Hays, P. Perona, D. Ramanan, C. L. Zitnick, "
    "P. Dollár: Microsoft COCO: Common Objects in Context. ECCV 2014."
)
LICENSE = "annotations CC BY 4.0; images under Flickr's terms of use, each with the license that its JSON names"

FACTS = Facts(
    homepage="https://cocodataset.org/",
    license=LICENSE,
    citation=CITATION,
    tree="""\
data/coco/                                     or data/coco/coco/
    annotations/instances_train2017.json       also val; or annotations_trainval2017.zip
    train2017/NAME.jpg                         also val; or train2017.zip, val2017.zip; or under images/
--data-dir may name one archive that holds all of it""",
    counts="train / val: 2017 118,287 / 5,000; 2014 82,783 / 40,504. 80 categories, ids 1..90 with gaps.",
    files=(
        *IMAGES,
        RemoteFile(
            ANNOTATIONS.format(year="2017"),
            (f"{HOST}/annotations/{ANNOTATIONS.format(year='2017')}",),
            unpacked=("annotations", "coco/annotations"),
        ),
    ),
    notes=(
        "The val split serves as validation and as test, since the masks of the test split are not public. The kept "
        "epoch is therefore chosen on the images it is measured on.",
        "Class ids follow category ids without their gaps; 0 is background. Any JSON in this format is read.",
        "As semantic classes, a crowd has its class, and pixels where objects of two classes overlap are void.",
        "A box that disagrees with its mask or has no area is replaced by the mask's box. An object without a pixel is "
        "left out. `kseg data check coco` names each. Polygons need pycocotools (extra coco).",
    ),
)
