"""Spreadsheets for people: tables with headers in Chinese or English, and a sheet that explains them.

``columns`` says what a table has, ``words`` what our codes are called, ``cells`` makes values safe to show, ``books``
writes workbooks, ``about`` their last sheet, and ``files`` tables of any format.
"""

from app.sheets.about import About, Fact
from app.sheets.books import MOST_SHEETS, open_book
from app.sheets.cells import inert, link_of
from app.sheets.columns import Column, Lang, Words
from app.sheets.files import BOM, table_format, whole, write_table
from app.sheets.words import EVENTS, FIRM_STATUSES, LEVEL_COLUMN, LEVELS, NEED_STATUSES, PLACED, STATUSES

__all__ = [
    "BOM",
    "EVENTS",
    "FIRM_STATUSES",
    "LEVELS",
    "LEVEL_COLUMN",
    "MOST_SHEETS",
    "NEED_STATUSES",
    "PLACED",
    "STATUSES",
    "About",
    "Column",
    "Fact",
    "Lang",
    "Words",
    "inert",
    "link_of",
    "open_book",
    "table_format",
    "whole",
    "write_table",
]
