"""The daily evidence of no oversell: counted, classified, sealed, chained to the day before."""
