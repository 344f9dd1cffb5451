"""`kseg predict`: masks for images."""

from dataclasses import dataclass

from kseg.cli.masks import PredictOptions, named_files, write_masks


@dataclass(frozen=True)
class Predict(PredictOptions):
    """Segment images with a run or model: a palette PNG and an overlay for each, at the image's own size.

    An image that cannot be read is reported and left out, and the exit code is 1; the masks of all others are written.

    Example: kseg predict runs/RUN photos/ 'more/*.jpg' --out masks
    """

    def run(self) -> int:
        from kseg.errors import UsageError
        from kseg.inference import Predictor, load_model
        from kseg.inference.predict import fed_in_words
        from kseg.tasks import TASKS

        # 1. what can be refused before the model is loaded
        if self.threshold is not None and not 0 < self.threshold < 1:
            raise UsageError(f"--threshold is {self.threshold}; it is a probability between 0 and 1")
        if self.joint:
            from kseg.cli.joint import predict_jointly

            return predict_jointly(self)
        files = named_files(self.images)
        # 2. the model, and what is put around it
        model, card = load_model(self.model)
        self.refining.check_means_something(card.task)
        size = self.refining.fed(card, self.image_size, self.input_size)
        tiling, augmented = self.refining.tiling([model]), self.refining.augmented()
        model = self.refining.around(model)
        refine, refining_words = self.refining.refine(), self.refining.in_words()
        refiners = () if refine is None else (refine,)
        predictor = Predictor(model, size, self.batch_size, refiners, TASKS[card.task], tiling, augmented)
        # 3. images one after another
        return write_masks(
            self,
            files,
            card,
            lambda images: predictor.outputs(images(), original_size=refine is not None),
            fed=f"; fed {tiling or fed_in_words(model, size)}" + (f"; {refining_words}" if refining_words else ""),
        )
