"""Emergencies, boards and reports as the API answers them, and as pages keep up to date from them."""

from __future__ import annotations

from dataclasses import asdict

import shapely

from app.models import Emergency, ZoneRevisionRow
from app.registry import zone_revision
from app.schemas.emergency_answers import (
    CourseOut,
    EmergencyOut,
    EmergencyReportOut,
    EmergencyVehicleOut,
    EventOut,
    SeenOut,
    TotalsOut,
)
from app.services.emergency_board import Board, BoardRow
from app.services.emergency_report import Course, Report
from geofences.zones import FOREVER_MS


def emergency_out(emergency: Emergency, place: ZoneRevisionRow) -> EmergencyOut:
    """What is recorded of it."""
    band = zone_revision(place, 0, FOREVER_MS).band
    return EmergencyOut(
        number=emergency.number,
        jurisdiction=emergency.jurisdiction.code,
        reason=emergency.reason,
        geometry=shapely.from_geojson(place.geometry),
        lower_m=band.lower if band else None,
        upper_m=band.upper if band else None,
        datum=band.datum if band else None,
        declared_at_ms=emergency.declared_at_ms,
        declared_by=emergency.declared_by.display_name,
        planned_end_ms=emergency.planned_end_ms,
        ended_at_ms=emergency.ended_at_ms,
        end_reason=emergency.end_reason,
        version=emergency.version,
    )


def totals_out(board: Board) -> TotalsOut:
    """The numbers on top of the board."""
    return TotalsOut(at_ms=board.at_ms, **asdict(board.totals))


def vehicle_out(row: BoardRow) -> EmergencyVehicleOut:
    """One row of the board."""
    told = row.told
    return EmergencyVehicleOut(
        vehicle_id=told.vehicle.vehicle_id,
        organisation=told.vehicle.organisation.code,
        concern=told.concern,
        directive_id=told.directive.directive_id,
        response=row.response,
        whereabouts=row.whereabouts,
        told_at_ms=told.told_at_ms,
        entered_at_ms=told.entered_at_ms,
        left_at_ms=row.left_at_ms,
        clock_ms=row.clock_ms,
        is_overdue=row.is_overdue,
        permits=list(row.permits),
        seen=SeenOut(**asdict(row.seen)) if row.seen is not None else None,
    )


def report_out(report: Report) -> EmergencyReportOut:
    """The whole report."""
    return EmergencyReportOut(
        emergency=emergency_out(report.emergency, report.place),
        at_ms=report.at_ms,
        obliged=report.obliged,
        in_time=report.in_time,
        share=report.share,
        vehicles=[_course_out(course) for course in report.courses],
        events=[
            EventOut(
                at_ms=event.at_ms,
                kind=event.kind,
                vehicle_ids=list(event.vehicle_ids),
                who=event.who,
                text=event.text,
                permit=event.permit,
                state=event.state,
            )
            for event in report.events
        ],
    )


def _course_out(course: Course) -> CourseOut:
    told = course.told
    return CourseOut(
        vehicle_id=told.vehicle.vehicle_id,
        organisation=told.vehicle.organisation.code,
        concern=told.concern,
        first_told_at_ms=course.first_told_at_ms,
        told_at_ms=told.told_at_ms,
        orders=course.orders,
        received_at_ms=course.received_at_ms,
        accepted_at_ms=course.accepted_at_ms,
        refused_at_ms=course.refused_at_ms,
        refusal=course.refusal,
        entered_at_ms=told.entered_at_ms,
        left_at_ms=course.left_at_ms,
        took_ms=course.took_ms,
        overdue_at_ms=course.overdue_at_ms,
        in_time=course.in_time,
        kept_out=course.kept_out,
    )
