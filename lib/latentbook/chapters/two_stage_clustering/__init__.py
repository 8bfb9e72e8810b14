"""Chapter 03: a representation, then a clusterer."""

CHAPTER = "03-two-stage-clustering"

#: Autoencoder -> its loss, as the records name it.
LOSSES = {"cae10": "bce", "cae10-guo": "mse"}
#: Criterion that chooses a number of clusters -> the second stage that is run with its choice.
CRITERIA = {"silhouette": "k-means", "bic": "mixture"}
#: What stands for a clusterer in the names of records about the number of clusters.
CHOICE = "choice of k"
#: Data set of which only a part is at hand -> what its samples are.
PARTS = {"cifar10": "test images"}
#: Representation whose picture is shown, and on which k is chosen where it was computed.
PICTURE = "umap2"
