package fakeslack

import "time"

func (s *Server) usersInfo(a args) answer {
	u := s.users[a.text("user")]
	if u == nil {
		return fail("user_not_found")
	}
	return answer{"user": s.userJSON(u, a.truth("include_locale"))}
}

func (s *Server) usersList(a args) answer {
	var list []map[string]any
	for _, id := range s.order {
		list = append(list, s.userJSON(s.users[id], a.truth("include_locale")))
	}
	result := pageOf(a, "members", list)
	result["cache_ts"] = s.o.Now().Unix()
	return result
}

// userJSON is a user object (https://docs.slack.dev/reference/objects/user-object). The locale comes only when
// it is asked for.
func (s *Server) userJSON(u *User, withLocale bool) map[string]any {
	j := map[string]any{
		"id": u.ID, "team_id": s.o.TeamID, "name": u.Name, "deleted": u.Deleted, "real_name": u.RealName,
		"is_bot": u.bot, "is_app_user": false, "is_admin": u.Admin, "is_owner": false, "is_primary_owner": false,
		"is_restricted": false, "is_ultra_restricted": false, "updated": u.updated.Unix(),
		"profile": map[string]any{"real_name": u.RealName, "display_name": u.Name, "team": s.o.TeamID},
	}
	if zone, err := time.LoadLocation(u.TZ); err == nil {
		label, offset := s.o.Now().In(zone).Zone()
		j["tz"], j["tz_label"], j["tz_offset"] = u.TZ, label, offset
	}
	if withLocale {
		j["locale"] = u.Locale
	}
	return j
}
