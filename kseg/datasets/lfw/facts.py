"""Where LFW Part Labels comes from and what its folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

HOME = "http://vis-www.cs.umass.edu/lfw"


def _from_home(name: str, seen: str, *, unpacked: tuple[str, ...] = ()) -> RemoteFile:
    url = f"{HOME}/part_labels/{name}"
    sources = (url.replace("http:", "https:"), url)
    use = "" if unpacked else "the official splits"
    return RemoteFile(name, sources, seen=f"sha256:{seen}", unpacked=unpacked, optional=not unpacked, use=use)


FACTS = Facts(
    homepage=f"{HOME}/part_labels/",
    license="no license is stated upstream; the photographs belong to their owners. For research.",
    citation=(
        "A. Kae, K. Sohn, H. Lee, E. Learned-Miller: Augmenting CRFs with Boltzmann Machine Shape Priors for Image "
        "Labeling. CVPR 2013. — G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller: Labeled Faces in the Wild. "
        "University of Massachusetts, Amherst, Technical Report 07-49, 2007."
    ),
    tree="""\
data/lfw/
    lfw-funneled.tgz                    or  lfw_funneled/NAME/NAME_0001.jpg
    parts_lfw_funneled_gt_images.tgz    or  parts_lfw_funneled_gt_images/NAME_0001.ppm
    parts_train.txt, parts_validation.txt, parts_test.txt     (only for --split-scheme official)""",
    counts=(
        "2,927 pairs of 250×250; paper: big 2342 / 292 / 292, small 1000 / 100 / 292; official: 1500 / 500 / 927. "
        "116 images show no hair."
    ),
    files=(
        RemoteFile(
            "lfw-funneled.tgz",
            (
                "https://ndownloader.figshare.com/files/5976015",
                "https://vis-www.cs.umass.edu/lfw/lfw-funneled.tgz",
                f"{HOME}/lfw-funneled.tgz",
            ),
            # the checksum that scikit-learn's fetch_lfw_people publishes
            checksum="sha256:b47c8422c8cded889dc5a13418c4bc2abbda121092b3533a83306f90d900100a",
            size=243_346_528,
            unpacked=("lfw_funneled",),
        ),
        _from_home(
            "parts_lfw_funneled_gt_images.tgz",
            "8e71037a36e3a53b2c62fba0e2fba8a403eeafd97420bbf012cf3959d3444109",
            unpacked=("parts_lfw_funneled_gt_images",),
        ),
        _from_home("parts_train.txt", "14152e60ce630dec504b82327b56736e30127b63dc46c27875cf71710ac6b9c6"),
        _from_home("parts_validation.txt", "37eb8f19471d0de1639a385264959ee23db46db9c690e4e8908c24b2e489a3d7"),
        _from_home("parts_test.txt", "a57cd98de91b0a2e6116df647bed40090f7f5804b3d63e90b8e89fb3a6439a06"),
    ),
    notes=(
        "Upstream's host has been unreachable at times; the images are mirrored by figshare, the masks are not.",
        "Only the labeled 2,927 of the 13,233 images are extracted, into $KSEG_CACHE (default ~/.cache/kseg).",
        "An archive with only the labeled images works as well; its checksum differs from the one above.",
    ),
)
