"""Where the stacks of ISBI 2012 come from and what their folder has to hold."""

from kseg.datasets.facts import Facts, RemoteFile

VOLUME, LABELS = "train-volume.tif", "train-labels.tif"

FACTS = Facts(
    homepage="https://imagej.net/events/isbi-2012-segmentation-challenge",
    license="free for research; the challenge asks for both citations",
    citation=(
        "I. Arganda-Carreras et al.: Crowdsourcing the creation of image segmentation algorithms for connectomics. "
        "Frontiers in Neuroanatomy 9, 2015. A. Cardona et al.: An integrated micro- and macroarchitectural analysis of "
        "the Drosophila brain by computer-assisted serial section electron microscopy. PLoS Biology 8(10), 2010."
    ),
    tree=f"""\
data/isbi2012/
    {VOLUME}, {LABELS}      stacks of 30 slices, or slice by slice:
    train/image/0.png … 29.png             gray
    train/label/0.png … 29.png             0 membrane, 255 cell
--data-dir may name one archive that holds either""",
    counts="30 slices of 512 × 512 with labels; the labels of another 30 were never published",
    files=tuple(
        RemoteFile(name, (f"http://brainiac2.mit.edu/isbi_challenge/sites/default/files/{name}",), unpacked=("train",))
        for name in (VOLUME, LABELS)
    ),
    notes=(
        "The split is kseg's own. Neighboring slices show the same neurons, so the splits are blocks: slices 0 to 19 "
        "train, 20 to 23 validate, 24 to 29 test; other numbers of slices are divided in the same shares. Published "
        "scores are of the test stack and not comparable.",
        "The challenge's host has been offline at times; copies of both layouts circulate.",
    ),
)
