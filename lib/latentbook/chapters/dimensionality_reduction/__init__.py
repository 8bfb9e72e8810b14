"""Chapter 01: dimensionality reduction."""

CHAPTER = "01-dimensionality-reduction"

#: Measures of an embedding, as the records name them -> their headings. Both correlations are
#: Spearman's rank correlation ρ of distances before and after.
MEASURES = {
    "trustworthiness": "trust",
    "knn_preservation": "kept",
    "distance_correlation": "ρ distances",
    "centroid_correlation": "ρ centroids",
    "knn_accuracy": "15-NN",
}
#: The measure that does not compare with neighbours and distances among the pixels.
SEPARATION = "knn_accuracy"
#: Data sets at full scale, in the order of the chapter.
DATASETS = ("fashion_mnist", "mnist", "usps", "cifar10")
#: Embeddings that the pictures at full scale show.
PICTURES = ("pca2", "tsne2", "tsne2 all", "umap2 picture", "umap2", "hog + umap2")
