"""Where PASCAL-Context comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOST = "https://cs.stanford.edu/~roozbeh/pascal-context"
IMAGES_ARCHIVE = "VOCtrainval_03-May-2010.tar"
MAPS, OFFICIAL, SORTED = "trainval", "59_context_labels", "SegmentationClassContext"
"""Folders of labels: `.mat` maps of 459 labels, PNGs of the 59, PNGs of the 59 in MMSegmentation's order."""
LABEL_ARCHIVES = {MAPS: f"{MAPS}.tar.gz", OFFICIAL: f"{OFFICIAL}.tar.gz"}

FACTS = Facts(
    homepage=f"{HOST}/",
    license="images from Flickr, under Flickr's terms of use; no license is stated for the labels. For research.",
    citation=(
        "R. Mottaghi, X. Chen, X. Liu, N.-G. Cho, S.-W. Lee, S. Fidler, R. Urtasun, A. Yuille: The Role of Context for "
        "Object Detection and Semantic Segmentation in the Wild. CVPR 2014."
    ),
    tree=f"""\
data/pascal_context/
    {IMAGES_ARCHIVE}      or, extracted, VOCdevkit/VOC2010/ with
        JPEGImages/ID.jpg, ImageSets/Main/train.txt, val.txt (or ImageSets/SegmentationContext/)
    {LABEL_ARCHIVES[MAPS]}                     or {MAPS}/ID.mat          LabelMap of 459 labels
    or {LABEL_ARCHIVES[OFFICIAL]}         or {OFFICIAL}/ID.png    0, 1..59
    or VOC2010/{SORTED}/ID.png       0, 1..59 in MMSegmentation's order""",
    counts="train / val: 4,998 / 5,105. 59 classes and background.",
    files=(
        RemoteFile(
            IMAGES_ARCHIVE,
            (f"http://host.robots.ox.ac.uk/pascal/VOC/voc2010/{IMAGES_ARCHIVE}",),
            checksum="md5:da459979d0c395079b5c75ee67908abb",
            unpacked=("VOCdevkit/VOC2010", "VOC2010"),
        ),
        RemoteFile(
            LABEL_ARCHIVES[MAPS], (f"{HOST}/{LABEL_ARCHIVES[MAPS]}",), unpacked=(MAPS, OFFICIAL, f"VOC2010/{SORTED}")
        ),
    ),
    notes=(
        "Everything outside the 59 classes is the class background; --context-rest void makes it void.",
        "The val list serves as validation and as test, as in the papers. The kept epoch is therefore chosen on the "
        "images it is measured on.",
        "Of several kinds of labels the .mat maps are read first.",
        "A devkit with fewer images works if its own lists name just these.",
    ),
)
