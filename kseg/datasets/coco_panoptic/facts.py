"""Where COCO's panoptic annotations come from and what their folder has to hold."""

from kseg.datasets.coco.facts import CITATION, HOST, IMAGES, LICENSE
from kseg.datasets.facts import Facts, RemoteFile

ANNOTATIONS = "panoptic_annotations_trainval{year}.zip"

FACTS = Facts(
    homepage="https://cocodataset.org/#panoptic-2018",
    license=LICENSE,
    citation=f"{CITATION} — A. Kirillov, K. He, R. Girshick, C. Rother, P. Dollár: Panoptic Segmentation. CVPR 2019.",
    tree="""\
data/coco/                                     or data/coco/coco/
    annotations/panoptic_train2017.json        also val; or panoptic_annotations_trainval2017.zip
    annotations/panoptic_train2017/NAME.png    also val; or panoptic_train2017.zip; id = R + 256 G + 65536 B, 0 is void
    train2017/NAME.jpg                         also val; or train2017.zip, val2017.zip; or under images/
--data-dir may name one archive that holds all of it""",
    counts="train / val: 118,287 / 5,000. 133 categories: 80 things and 53 kinds of stuff.",
    files=(
        *IMAGES,
        RemoteFile(
            ANNOTATIONS.format(year="2017"),
            (f"{HOST}/annotations/{ANNOTATIONS.format(year='2017')}",),
            unpacked=("annotations/panoptic_train2017", "coco/annotations/panoptic_train2017"),
        ),
    ),
    notes=(
        "The val split serves as validation and as test, since the labels of the test split are not public. The kept "
        "epoch is therefore chosen on the images it is measured on.",
        "One truth answers three tasks: its classes (semantic), its things (instance), all segments (panoptic).",
        "A crowd is one segment of many things. Segments of one kind of stuff are joined. A segment without a pixel is "
        "left out. `kseg data check coco_panoptic` names these, and areas that disagree with the PNG.",
    ),
)
