"""Where VOC and SBD come from and what their folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOST = "http://host.robots.ox.ac.uk/pascal/VOC"

ARCHIVES = {
    "2010": "VOCtrainval_03-May-2010.tar",
    "2011": "VOCtrainval_25-May-2011.tar",
    "2012": "VOCtrainval_11-May-2012.tar",
}
SBD_ARCHIVE = "benchmark.tgz"
SBD_TREE = "benchmark_RELEASE/dataset"

# The checksums that torchvision publishes.
MD5 = {
    "2010": "da459979d0c395079b5c75ee67908abb",
    "2011": "6c3384ef61512963050cb5d687e5bf1e",
    "2012": "6cd6e144f989b92b3379bac3b3de84fd",
}

DEVKITS = {
    year: RemoteFile(
        archive,
        (f"{HOST}/voc{year}/{archive}",),
        checksum=f"md5:{MD5[year]}",
        unpacked=(f"VOCdevkit/VOC{year}", f"TrainVal/VOCdevkit/VOC{year}", f"VOC{year}"),
        use=f"--year {year}" + (" and 2012+sbd" if year == "2012" else ""),
    )
    for year, archive in ARCHIVES.items()
}

SBD = RemoteFile(
    SBD_ARCHIVE,
    (f"https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/{SBD_ARCHIVE}",),
    checksum="md5:82b4d87ceb2ed10f6038a1cba92111cb",
    unpacked=(SBD_TREE,),
    use="--year 2012+sbd",
)

FACTS = Facts(
    homepage=f"{HOST}/",
    license="images from Flickr, under Flickr's terms of use; no license is stated for the masks. For research.",
    citation=(
        "M. Everingham, L. Van Gool, C. K. I. Williams, J. Winn, A. Zisserman: The PASCAL Visual Object Classes (VOC) "
        "Challenge. IJCV 88, 2010. — SBD: B. Hariharan, P. Arbeláez, L. Bourdev, S. Maji, J. Malik: Semantic Contours "
        "from Inverse Detectors. ICCV 2011."
    ),
    tree=f"""\
data/voc/
    {ARCHIVES["2012"]}     or, extracted:
    VOCdevkit/VOC2012/ImageSets/Segmentation/train.txt, val.txt
    VOCdevkit/VOC2012/JPEGImages/ID.jpg
    VOCdevkit/VOC2012/SegmentationClass/ID.png      palette PNG: 0 background, 1..20, 255 void
    {SBD_ARCHIVE}                   or {SBD_TREE}/cls/ID.mat     (only for --year 2012+sbd)""",
    counts=(
        "train / val: 2010 964 / 964; 2011 1,112 / 1,111; 2012 1,464 / 1,449; 2012+sbd 10,582 / 1,449. "
        "20 categories and background."
    ),
    files=(*DEVKITS.values(), SBD),
    notes=(
        "--split-scheme paper (Rahman & Wang): a random 80 % of the train list is for training, 20 % for validation "
        "(--data-seed), and the val list is the test split. official: the val list serves as validation and as test, "
        "since the masks of the test list are not public. The kept epoch is then chosen on the images it is measured "
        "on.",
        "--val-list seg11valid measures on the 736 images of VOC 2011's val list that are not in SBD's train list, as "
        "Long et al. do for networks trained with SBD; kseg includes that list.",
        "A devkit with fewer images works if its own ImageSets name only these.",
        "With SBD, an image that VOC itself has labeled keeps VOC's mask.",
    ),
)
