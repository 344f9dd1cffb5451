"""Oxford-IIIT Pet: 7,349 cats and dogs of 37 breeds with trimaps of pet, background and border."""

from kseg.datasets.pets.records import Pets

__all__ = ["Pets"]
