"""Where Cityscapes comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

IMAGES, FINE, COARSE = "leftImg8bit", "gtFine", "gtCoarse"
ARCHIVES = {IMAGES: f"{IMAGES}_trainvaltest.zip", FINE: f"{FINE}_trainvaltest.zip"}
HOST = "https://www.cityscapes-dataset.com"

FACTS = Facts(
    homepage=f"{HOST}/",
    license="free for research and teaching after registration; no redistribution",
    citation=(
        "M. Cordts, M. Omran, S. Ramos, T. Rehfeld, M. Enzweiler, R. Benenson, U. Franke, S. Roth, B. Schiele: The "
        "Cityscapes Dataset for Semantic Urban Scene Understanding. CVPR 2016."
    ),
    tree=f"""\
data/cityscapes/
    {ARCHIVES[IMAGES]}, {ARCHIVES[FINE]}     or, extracted:
    {IMAGES}/train/CITY/ID_{IMAGES}.png         also val; 1024×2048
    {FINE}/train/CITY/ID_{FINE}_labelIds.png     or ID_{FINE}_labelTrainIds.png
    {FINE}/train/CITY/ID_{FINE}_instanceIds.png  for objects and panoptic segments
--data-dir may name one archive that holds all of it""",
    counts="train / val: 2,975 / 500. 19 classes, eight of them things; void elsewhere.",
    files=tuple(RemoteFile(archive, (f"{HOST}/downloads/",), unpacked=(name,)) for name, archive in ARCHIVES.items()),
    notes=(
        "Downloads need an account: fetch the two archives by hand.",
        "The val split serves as validation and as test, since the labels of the test split are not public. The kept "
        "epoch is therefore chosen on the images it is measured on.",
        "Instance ids from 1000 on are labelId · 1000 + number, one object each. A smaller id of a thing class is a "
        "group that was not divided into objects; it counts as a crowd.",
        "Trains at 512×1024, half of the images' sides, unless --image-size says otherwise.",
    ),
)
