"""Where HELEN's part labels come from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOME = "pages.cs.wisc.edu/~lizhang/projects/face-parsing"
ARCHIVE = "SmithCVPR2013_dataset_resized.zip"

FACTS = Facts(
    homepage=f"http://{HOME}/",
    license="no license is stated upstream; the photographs belong to their owners. For research.",
    citation=(
        "B. M. Smith, L. Zhang, J. Brandt, Z. Lin, J. Yang: Exemplar-Based Face Parsing. CVPR 2013. — V. Le, "
        "J. Brandt, Z. Lin, L. Bourdev, T. S. Huang: Interactive Facial Feature Localization. ECCV 2012."
    ),
    tree=f"""\
data/helen/
    {ARCHIVE}      or, extracted (with or without the folder of that name):
    images/ID.jpg
    labels/ID/ID_lbl00.png … ID_lbl10.png     gray probability maps, 00 background, 10 hair
    exemplars.txt, tuning.txt, testing.txt    (only for --split-scheme official; lines read NUMBER , ID)""",
    counts="2,330 images; paper: big 1864 / 233 / 233, small 1000 / 100 / 233; official: 2000 / 230 / 100",
    files=(
        RemoteFile(
            ARCHIVE,
            (f"https://{HOME}/{ARCHIVE}", f"http://{HOME}/{ARCHIVE}"),
            unpacked=("images", ARCHIVE.removesuffix(".zip")),
        ),
    ),
    notes=("kseg was tested on fixtures in this layout, not on the data itself.",),
)
