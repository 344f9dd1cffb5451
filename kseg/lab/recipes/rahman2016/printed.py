"""Rahman & Wang 2016: the numbers of tables 1–4."""

from kseg.lab.experiment.condition import Condition, Factor

FACTORS: tuple[Factor, ...] = ("dataset", "category")


def category_of(dataset: str, category: str, loss: str = "") -> Condition:
    """One category of a data set told from all others."""
    return Condition(factors=FACTORS, dataset=dataset, category=category, loss=loss)


VOC_CATEGORIES = (
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable", "dog",
    "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)  # fmt: skip

TABLE_1_CATEGORIES = ("aeroplane", "bus", "car", "horse", "person", "tvmonitor")

VOC_2010 = {
    "acc": dict(zip(TABLE_1_CATEGORIES, (71.07, 72.85, 71.67, 60.46, 75.42, 64.03), strict=True)),
    "iou": dict(zip(TABLE_1_CATEGORIES, (75.27, 74.47, 72.83, 61.18, 72.65, 67.37), strict=True)),
}
"""Table 1: IoU in % on VOC 2010's validation list, FCN_acc and FCN_IoU."""

MRF_BELOW = dict(zip(TABLE_1_CATEGORIES, (20, 30, 30, 10, 25, 15), strict=True))
"""Table 1: MRF_IoU of Ranjbar et al., read off a bar chart by the authors as "less than"."""

IMBALANCE = {
    "2010": dict(zip(VOC_CATEGORIES, (
        152, 319, 107, 142, 150, 64, 66, 40, 97, 152, 82, 75, 117, 91, 25, 182, 111, 99, 85, 104), strict=True)),
    "2011": dict(zip(VOC_CATEGORIES, (
        153, 341, 100, 158, 152, 60, 68, 41, 94, 160, 82, 71, 127, 86, 23, 176, 115, 88, 76, 113), strict=True)),
}  # fmt: skip
"""Table 2: background pixels per object pixel."""

VOC_2011 = {
    "acc": dict(zip(VOC_CATEGORIES, (
        72.18, 60.57, 66.47, 64.68, 65.03, 73.96, 71.82, 71.44, 55.55, 64.22, 62.74, 67.03, 60.74, 70.23, 76.78, 61.62,
        62.29, 58.05, 72.80, 65.05), strict=True)),
    "iou": dict(zip(VOC_CATEGORIES, (
        75.07, 62.00, 67.45, 67.64, 65.00, 75.37, 72.87, 71.94, 56.01, 64.13, 63.91, 65.71, 60.92, 70.90, 73.61, 63.78,
        68.83, 58.56, 72.66, 66.81), strict=True)),
}  # fmt: skip
"""Table 3: IoU in % on VOC 2011's validation list."""

PRINTED_MEANS = {"acc": 63.18, "iou": 63.82}
"""Table 3's last column. It is not the mean of the 20 figures beside it, 66.16 and 67.16."""

CAMVID = {
    "road": {"acc": (95.53, 90.38), "iou": (95.58, 90.69)},
    "building": {"acc": (87.03, 76.21), "iou": (88.30, 76.72)},
    "column-pole": {"acc": (50.46, 50.91), "iou": (53.48, 52.79)},
    "sign-symbol": {"acc": (64.94, 56.27), "iou": (67.78, 57.78)},
    "fence": {"acc": (75.97, 61.75), "iou": (80.68, 62.23)},
}
"""Table 4: category → loss → IoU in % on CamVid's validation and test split."""
