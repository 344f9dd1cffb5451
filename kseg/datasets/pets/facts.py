"""Where Oxford-IIIT Pet comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOST = "https://www.robots.ox.ac.uk/~vgg/data/pets"
IMAGES, ANNOTATIONS = "images", "annotations"
PLACES = ("", "oxford-iiit-pet")
"""Where the two may lie in the data folder; torchvision puts them in the second place."""


def _archive(name: str, sha256: str, size: int) -> RemoteFile:
    return RemoteFile(
        f"{name}.tar.gz",
        (f"{HOST}/data/{name}.tar.gz", f"https://thor.robots.ox.ac.uk/~vgg/data/pets/{name}.tar.gz"),
        checksum=f"sha256:{sha256}",  # the ones that TensorFlow Datasets publishes
        size=size,
        unpacked=tuple(f"{place}/{name}".lstrip("/") for place in PLACES),
    )


FACTS = Facts(
    homepage=f"{HOST}/",
    license="CC BY-SA 4.0 as stated upstream; the copyright of the images remains with their owners.",
    citation="O. M. Parkhi, A. Vedaldi, A. Zisserman, C. V. Jawahar: Cats and Dogs. CVPR 2012.",
    tree="""\
data/oxford_iiit_pet/
    images.tar.gz          or  images/BREED_NUMBER.jpg
    annotations.tar.gz     or  annotations/trimaps/BREED_NUMBER.png     1 pet, 2 background, 3 border
                               annotations/trainval.txt, test.txt""",
    counts="7,349 listed pairs, about 200 of each of 37 breeds (12 of cats, 25 of dogs): trainval 3,680, test 3,669",
    files=(
        _archive(IMAGES, "67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d", 791_918_971),
        _archive(ANNOTATIONS, "52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91", 19_173_078),
    ),
    notes=(
        "test.txt is the test split. Upstream has no validation list: a random 80 % of trainval.txt is for training, "
        "20 % for validation (--data-seed). --split-scheme paper and official are the same here.",
        "--border: the seam around the animal is void (the default), pet, or a class of its own (class: background, "
        "pet, border). --animals pet | species | breed: one class of animals, two or 37.",
        "Copies with fewer images work if their own trainval.txt and test.txt name only these.",
        "A few images are GIF or PNG under the name .jpg; the content of a file decides.",
    ),
)
