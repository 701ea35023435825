"""Scores as published."""

SHOWN = {"fashion_iq": ("R@10", "R@50")}
OTHERS_SHOW = ("R@1", "R@10", "R@50")
# Protocol val. Read in a survey and in DCNet, RTIC and CompoDiff; the VAL paper's table 1 to 3.
PUBLISHED = {
    "fashion_iq": {
        "TIRG, in the VAL paper": (14.87, 34.66, 18.26, 37.89, 19.08, 39.62),
        "VAL, L_vv": (21.12, 42.19, 21.03, 43.44, 25.64, 49.49),
        "VAL, L_vv + L_vs": (21.47, 43.83, 21.03, 42.75, 26.71, 51.81),
        "VAL + GloVe": (22.53, 44.00, 22.38, 44.15, 27.53, 51.68),
    },
    "shoes": {
        "TIRG, in the VAL paper": (12.60, 45.45, 69.39),
        "VAL, L_vv": (16.49, 49.12, 73.53),
        "VAL, L_vv + L_vs": (16.98, 49.83, 73.91),
        "VAL + GloVe": (17.18, 51.52, 75.83),
    },
    "fashion200k": {
        "TIRG, in the VAL paper": (14.1, 42.5, 63.8),
        "VAL, L_vv": (21.2, 49.0, 68.8),
        "VAL, L_vv + L_vs": (21.5, 53.8, 72.7),
        "VAL + GloVe": (22.9, 50.8, 73.3),
        "VAL, L_vv, code rerun by the DCNet authors": (None, 45.75, 66.10),
    },
}
