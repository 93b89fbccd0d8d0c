"""Independent numbers for the metrics: scikit-learn's. Writes metrics.json beside this file.

    pip install scikit-learn && python metrics.py

Scores have two decimals, so that there are ties; class 3 of 5 is a label but never the largest score, class 4 is neither.
"""

import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.metrics import classification_report, confusion_matrix, roc_auc_score, top_k_accuracy_score

random = np.random.default_rng(1)
rows, classes = 80, 4
labels = random.integers(0, classes, rows)
scores = np.round(random.random((rows, 5)) + 0.5 * np.eye(5)[labels], 2)
scores[:, 3] *= 0.1
scores[:, 4] = -1
predictions = scores.argmax(axis=1)

report = classification_report(labels, predictions, output_dict=True, zero_division=0)
# Only without ties do all agree which k come first.
distinct = scores + 1e-6 * random.random(scores.shape)
binary = (labels > 1).astype(int)
single = scores[:, 2]

auc = [roc_auc_score(labels == c, scores[:, c]) for c in range(classes)]
Path(__file__).with_suffix(".json").write_text(
    json.dumps(
        {
            "sklearn": sklearn.__version__,
            "labels": labels.tolist(),
            "scores": scores.flatten().tolist(),
            "distinct": distinct.flatten().tolist(),
            "predictions": predictions.tolist(),
            "confusionMatrix": confusion_matrix(labels, predictions, labels=range(5)).tolist(),
            "classes": [report[str(c)] for c in range(classes)],
            "macro": report["macro avg"],
            "weighted": report["weighted avg"],
            "accuracy": report["accuracy"],
            "topK": [top_k_accuracy_score(labels, distinct, k=k, labels=range(5)) for k in (1, 2, 3)],
            "auc": auc,
            "binary": {"labels": binary.tolist(), "auc": roc_auc_score(binary, single)},
        },
        indent=None,
    )
    + "\n"
)
