"""CamVid's classes: the eleven in SegNet's order of id, and the 32 of the original labels that make them up."""

CLASSES: dict[str, tuple[tuple[int, int, int], tuple[str, ...]]] = {
    # name (as in SegNet's tables): color, original classes it gathers
    "sky": ((128, 128, 128), ("Sky",)),
    "building": ((128, 0, 0), ("Building", "Archway", "Bridge", "Tunnel", "Wall")),
    "column-pole": ((192, 192, 128), ("Column_Pole", "TrafficCone")),
    "road": ((128, 64, 128), ("Road", "LaneMkgsDriv", "LaneMkgsNonDriv")),
    "sidewalk": ((60, 40, 222), ("Sidewalk", "ParkingBlock", "RoadShoulder")),
    "tree": ((128, 128, 0), ("Tree", "VegetationMisc")),
    "sign-symbol": ((192, 128, 128), ("SignSymbol", "Misc_Text", "TrafficLight")),
    "fence": ((64, 64, 128), ("Fence",)),
    "car": ((64, 0, 128), ("Car", "SUVPickupTruck", "Truck_Bus", "Train", "OtherMoving")),
    "pedestrian": ((64, 64, 0), ("Pedestrian", "Child", "CartLuggagePram", "Animal")),
    "bicyclist": ((0, 128, 192), ("Bicyclist", "MotorcycleScooter")),
}

NAMES = tuple(CLASSES)
PALETTE = tuple(color for color, _ in CLASSES.values())

ORIGINAL_COLORS: dict[str, tuple[int, int, int]] = {
    # label_colors.txt of the original labels (Brostow et al. 2009)
    "Animal": (64, 128, 64), "Archway": (192, 0, 128), "Bicyclist": (0, 128, 192), "Bridge": (0, 128, 64),
    "Building": (128, 0, 0), "Car": (64, 0, 128), "CartLuggagePram": (64, 0, 192), "Child": (192, 128, 64),
    "Column_Pole": (192, 192, 128), "Fence": (64, 64, 128), "LaneMkgsDriv": (128, 0, 192),
    "LaneMkgsNonDriv": (192, 0, 64), "Misc_Text": (128, 128, 64), "MotorcycleScooter": (192, 0, 192),
    "OtherMoving": (128, 64, 64), "ParkingBlock": (64, 192, 128), "Pedestrian": (64, 64, 0), "Road": (128, 64, 128),
    "RoadShoulder": (128, 128, 192), "Sidewalk": (0, 0, 192), "SignSymbol": (192, 128, 128), "Sky": (128, 128, 128),
    "SUVPickupTruck": (64, 128, 192), "TrafficCone": (0, 0, 64), "TrafficLight": (0, 64, 64), "Train": (192, 64, 128),
    "Tree": (128, 128, 0), "Truck_Bus": (192, 128, 192), "Tunnel": (64, 0, 64), "VegetationMisc": (192, 192, 0),
    "Void": (0, 0, 0), "Wall": (64, 192, 0),
}  # fmt: skip
