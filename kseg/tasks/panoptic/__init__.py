"""Which class is each pixel, and which object is it of? Things and stuff in one answer: panoptic segmentation."""
